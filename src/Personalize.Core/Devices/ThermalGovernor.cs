namespace Personalize.Core.Devices;

/// <summary>
/// Slows work down before the system does it: work goes in bursts, and after each of them the device rests the longer the less headroom its temperature has.
/// Of each span of time, work takes the share <c>min(1, headroom)</c>, at least <see cref="LeastShare"/>; at no headroom <see cref="DeviceReadings.Cool"/> no longer holds and work stops altogether. Immutable.
/// </summary>
public sealed class ThermalGovernor
{
    /// <summary>The smallest share of the time that work takes.</summary>
    public double LeastShare { get; init; } = 0.2;

    /// <summary>The share where no temperature is known.</summary>
    public double ShareInTheDark { get; init; } = 0.8;

    /// <summary>The longest rest at once.</summary>
    public TimeSpan LongestRest { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to rest after a burst.</summary>
    /// <param name="burst">How long work went on without a rest.</param>
    /// <param name="headroom">As <see cref="DeviceReadings.ThermalHeadroom"/>.</param>
    /// <returns>Zero where the device is cool.</returns>
    public TimeSpan RestAfter(TimeSpan burst, double? headroom)
    {
        if (burst <= TimeSpan.Zero)
        {
            return TimeSpan.Zero;
        }

        var share = Math.Clamp(headroom ?? ShareInTheDark, LeastShare, 1);
        var rest = burst * ((1 / share) - 1);
        return rest < LongestRest ? rest : LongestRest;
    }
}

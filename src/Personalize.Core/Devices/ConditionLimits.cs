namespace Personalize.Core.Devices;

/// <summary>What counts as charging, idle, cool and filled. Each limit has two ends: what is needed to begin, and what to go on with. Immutable.</summary>
public sealed class ConditionLimits
{
    /// <summary>From how many percent of the battery on work begins.</summary>
    public double BatteryToStart { get; init; } = 50;

    /// <summary>Below how many percent it stops.</summary>
    public double BatteryToGoOn { get; init; } = 40;

    /// <summary>Up to how many degrees Celsius, at the hottest sensor, work begins.</summary>
    public double CelsiusToStart { get; init; } = 70;

    /// <summary>From how many degrees on it rests between bursts.</summary>
    public double CelsiusToSlow { get; init; } = 75;

    /// <summary>From how many degrees on it stops.</summary>
    public double CelsiusToGoOn { get; init; } = 85;

    /// <summary>For how long nobody must have touched the device, where the system says for how long and not only whether.</summary>
    public TimeSpan AwayFor { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Up to which load a core (the mean of a minute) work begins. Not looked at while it goes on, for it is then the work itself.</summary>
    public double LoadToStart { get; init; } = 0.5;

    /// <summary>How many bytes of memory must be free to begin.</summary>
    public long MemoryToStart { get; init; } = 1L << 30;

    /// <summary>How many to go on.</summary>
    public long MemoryToGoOn { get; init; } = 256L << 20;

    /// <summary>Whether a system that can report batteries and reports neither a battery nor a charger runs on mains, as desktops and servers do. Where the system has nothing to report with, charging stays unknown.</summary>
    public bool NoBatteryMeansMains { get; init; } = true;

    /// <summary>Conditions that are taken to hold where the device does not say, as <see cref="DeviceCondition.Idle"/> on a machine without sessions. One that is known not to hold is never overridden.</summary>
    public IReadOnlyCollection<DeviceCondition> Assumed { get; init; } = [];

    /// <summary>Checks every limit.</summary>
    /// <exception cref="ArgumentException">A limit is out of range, or what is needed to begin lies below what is needed to go on.</exception>
    public void Validate()
    {
        Require(BatteryToGoOn >= 0 && BatteryToStart >= BatteryToGoOn && BatteryToStart <= 100, "battery limits are percents, the one to start not below the one to go on", nameof(BatteryToStart));
        Require(CelsiusToStart <= CelsiusToGoOn && CelsiusToSlow < CelsiusToGoOn, "a device starts and slows down below the temperature at which it stops", nameof(CelsiusToGoOn));
        Require(AwayFor >= TimeSpan.Zero && LoadToStart > 0, "a time is not negative, and a load above 0", nameof(LoadToStart));
        Require(MemoryToGoOn >= 0 && MemoryToStart >= MemoryToGoOn, "memory limits are not negative, the one to start not below the one to go on", nameof(MemoryToStart));
        Require(Assumed is not null && Assumed.All(Enum.IsDefined), "what is assumed are conditions", nameof(Assumed));
    }

    private static void Require(bool holds, string requirement, string limit)
    {
        if (!holds)
        {
            throw new ArgumentException(requirement, limit);
        }
    }
}

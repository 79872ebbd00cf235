namespace Personalize.Training.Evaluation;

/// <summary>What an adapter has to show before it may be used. Immutable.</summary>
public sealed class GateOptions
{
    private const int MostCanaries = 64;

    /// <summary>The defaults.</summary>
    public static GateOptions Default { get; } = new();

    /// <summary>Whether the advantage over the base and over the adapter in use must lie outside of what the luck of the examples explains: the whole 95 % interval of <see cref="PairedBootstrap"/> below 0.</summary>
    public bool RequireCertainty { get; init; } = true;

    /// <summary>How many draws <see cref="PairedBootstrap"/> takes.</summary>
    public int Draws { get; init; } = PairedBootstrap.DefaultDraws;

    /// <summary>Decides the draws, so that the same losses always give the same verdict.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>By how large a part the base's score in <see cref="GeneralChange"/> may fall, as far as that is certain (<see cref="GeneralChange.LeastFall"/>); infinity does not measure it.</summary>
    public double MaximumGeneralFall { get; init; } = 0.02;

    /// <summary>How many invented secrets are planted among what trains, each once; 0 plants none and leaves the plan to the person's interactions alone.</summary>
    public int Canaries { get; init; }

    /// <summary>How many bits of a planted secret an adapter may show, of the <see cref="Canary.MaximumBits"/> there are.</summary>
    public double MaximumExposureBits { get; init; } = 6;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public void Validate()
    {
        Require(Draws >= 100, "must be at least 100", nameof(Draws));
        Require(MaximumGeneralFall >= 0, "must not be negative", nameof(MaximumGeneralFall));
        Require(Canaries is >= 0 and <= MostCanaries, $"must be from 0 to {MostCanaries}", nameof(Canaries));
        Require(MaximumExposureBits >= 0, "must not be negative", nameof(MaximumExposureBits));
    }

    private static void Require(bool holds, string requirement, string setting)
    {
        if (!holds)
        {
            throw new ArgumentException(requirement, setting);
        }
    }
}

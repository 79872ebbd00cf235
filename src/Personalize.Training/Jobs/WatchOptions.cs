namespace Personalize.Training.Jobs;

/// <summary>How the adapter in use is watched. Immutable.</summary>
public sealed class WatchOptions
{
    /// <summary>How many later interactions it takes to judge.</summary>
    public int MinimumInteractions { get; init; } = 20;

    /// <summary>How many of the newest are used.</summary>
    public int MaximumInteractions { get; init; } = 100;

    /// <summary>Decides the draws of the comparison.</summary>
    public int Seed { get; init; } = 1;
}

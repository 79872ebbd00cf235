namespace Personalize.Training.Checkpoints;

/// <summary>Where and how often a run keeps its state. Changes time and disk, never the adapter. Immutable.</summary>
public sealed class CheckpointOptions
{
    /// <summary>How much time passes between two checkpoints unless told otherwise.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(30);

    /// <summary>Where they lie. A run goes on from the latest one that is there; empty, it starts.</summary>
    public required ICheckpointStorage Storage { get; init; }

    /// <summary>How much time passes between two checkpoints, from 0 (one after every step) on. Another one is written when the run is cancelled and when it ends.</summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    /// <summary>How many checkpoints, spread over the first pass through the examples, are kept for replays without an example; each is three times the adapter's size.</summary>
    public int MilestoneCount { get; init; } = 3;
}

using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>What a job makes of a store, and what it asks of the adapter. The defaults are the personalization protocol. Immutable.</summary>
public sealed class JobOptions
{
    /// <summary>What the adapter has to show.</summary>
    public GateOptions Gate { get; init; } = GateOptions.Default;

    /// <summary>How much may come from one source, of what trains and of what judges; null takes everything, as suits an application that knows its one source.</summary>
    public SourceLimits? Sources { get; init; }

    /// <summary>Whether of more interactions than a job uses it takes the newest, as a job that comes again does, instead of the first.</summary>
    public bool UseNewest { get; init; }
}

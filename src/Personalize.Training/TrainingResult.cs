using Personalize.Core.Adapters;
using Personalize.Training.Memory;

namespace Personalize.Training;

/// <summary>What a training run made.</summary>
/// <param name="Adapter">The trained adapter.</param>
/// <param name="Losses">The mean loss of each step before its update, in nats a token.</param>
/// <param name="GradientNorms">The global gradient norm of each step before clipping.</param>
/// <param name="TrainTokens">How many tokens were computed, prompts included.</param>
/// <param name="Elapsed">The time from the first step to the last, over all sessions, without what lay between them.</param>
/// <param name="Plan">What was allocated.</param>
public sealed record TrainingResult(LoraAdapter Adapter, IReadOnlyList<double> Losses, IReadOnlyList<double> GradientNorms, long TrainTokens, TimeSpan Elapsed, TrainingPlan Plan)
{
    /// <summary>How many optimizer steps were taken.</summary>
    public int Steps => Losses.Count;

    /// <summary>How many checkpoints this session wrote.</summary>
    public int CheckpointCount { get; init; }

    /// <summary>How much of this session's time writing them took.</summary>
    public TimeSpan CheckpointElapsed { get; init; }

    /// <summary>Tokens a second; 0 if the clock did not move.</summary>
    public double TokensPerSecond => Elapsed > TimeSpan.Zero ? TrainTokens / Elapsed.TotalSeconds : 0;
}

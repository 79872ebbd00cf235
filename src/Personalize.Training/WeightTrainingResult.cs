using Personalize.Core.Models;

namespace Personalize.Training;

/// <summary>What training all weights made.</summary>
/// <param name="Weights">The trained weights in single precision; the caller disposes them.</param>
/// <param name="Losses">The mean loss of each step before its update, in nats a token.</param>
/// <param name="TrainTokens">How many tokens were computed.</param>
/// <param name="Elapsed">The time from the first step to the last.</param>
public sealed record WeightTrainingResult(DecoderWeights Weights, IReadOnlyList<double> Losses, long TrainTokens, TimeSpan Elapsed)
{
    /// <summary>Tokens a second; 0 if the clock did not move.</summary>
    public double TokensPerSecond => Elapsed > TimeSpan.Zero ? TrainTokens / Elapsed.TotalSeconds : 0;
}

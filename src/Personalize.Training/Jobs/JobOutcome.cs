using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>The figures of a finished job.</summary>
/// <param name="Losses">The mean loss of each step, in nats a token.</param>
/// <param name="TrainTokens">How many tokens were computed, prompts included.</param>
/// <param name="Elapsed">How long training took, interruptions left out.</param>
/// <param name="Gate">What the gate decided.</param>
public sealed record JobOutcome(IReadOnlyList<double> Losses, long TrainTokens, TimeSpan Elapsed, GateDecision Gate)
{
    /// <summary>The figures of a result.</summary>
    /// <param name="result">What a job returned.</param>
    public static JobOutcome Of(PersonalizationResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return new JobOutcome(result.Training.Losses, result.Training.TrainTokens, result.Training.Elapsed, result.Gate);
    }

    /// <summary>How many optimizer steps were taken.</summary>
    public int Steps => Losses.Count;

    /// <summary>Tokens a second; 0 if the clock did not move.</summary>
    public double TokensPerSecond => Elapsed > TimeSpan.Zero ? TrainTokens / Elapsed.TotalSeconds : 0;
}

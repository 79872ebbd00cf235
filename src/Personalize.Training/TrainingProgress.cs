namespace Personalize.Training;

/// <summary>Where a training run stands after a step.</summary>
/// <param name="Step">The step that was taken, counted from 0.</param>
/// <param name="TotalSteps">How many steps the run has.</param>
/// <param name="Loss">The mean loss of the step's tokens before its update, in nats a token.</param>
/// <param name="GradientNorm">The global norm of the gradients before clipping.</param>
/// <param name="LearningRate">The rate of the step.</param>
/// <param name="TrainTokens">How many tokens were computed so far, prompts included.</param>
/// <param name="Elapsed">The time since the run began.</param>
public sealed record TrainingProgress(int Step, int TotalSteps, double Loss, double GradientNorm, double LearningRate, long TrainTokens, TimeSpan Elapsed)
{
    /// <summary>Tokens a second since the run began; 0 before the clock has moved.</summary>
    public double TokensPerSecond => Elapsed > TimeSpan.Zero ? TrainTokens / Elapsed.TotalSeconds : 0;

    /// <summary>The time left if the steps go on as they did.</summary>
    public TimeSpan Remaining => Elapsed / (Step + 1) * (TotalSteps - Step - 1);
}

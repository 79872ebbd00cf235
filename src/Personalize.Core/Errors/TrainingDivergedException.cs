namespace Personalize.Core.Errors;

/// <summary>The loss or a gradient stopped being a number: the adapter of that step is worthless.</summary>
public sealed class TrainingDivergedException : PersonalizeException
{
    /// <summary>Names the step and the loss that was seen there.</summary>
    /// <param name="step">The optimizer step, counted from 0.</param>
    /// <param name="loss">The mean loss of that step, in nats a token; finite if only a gradient overflowed.</param>
    public TrainingDivergedException(int step, double loss)
        : base($"training diverged at step {step}: loss {loss:R} or its gradient is not finite; lower the learning rate or the rank and train again")
    {
        Step = step;
        Loss = loss;
    }

    /// <summary>The optimizer step, counted from 0.</summary>
    public int Step { get; }

    /// <summary>The mean loss of that step, in nats a token.</summary>
    public double Loss { get; }
}

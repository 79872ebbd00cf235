namespace Personalize.Training.Optimizers;

/// <summary>The learning rate of each step: a linear warm-up, under a line from the full rate down to a fraction of it.</summary>
/// <remarks><c>rate(s) = peak * min((s + 1) / warmup, 1 - (s / steps) * (1 - finalFraction))</c>, steps <c>s</c> counted from 0. A final fraction of 1 keeps the rate constant after the warm-up.</remarks>
internal sealed class LearningRateSchedule
{
    private readonly double _peak;
    private readonly int _warmupSteps;
    private readonly double _finalFraction;
    private readonly int _totalSteps;

    public LearningRateSchedule(double peak, int warmupSteps, double finalFraction, int totalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(peak);
        ArgumentOutOfRangeException.ThrowIfNegative(warmupSteps);
        ArgumentOutOfRangeException.ThrowIfNegative(finalFraction);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(totalSteps);
        _peak = peak;
        _warmupSteps = warmupSteps;
        _finalFraction = finalFraction;
        _totalSteps = totalSteps;
    }

    /// <summary>The rate of step <paramref name="step"/>, counted from 0.</summary>
    public double At(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var decay = 1 - ((double)step / _totalSteps * (1 - _finalFraction));
        return _warmupSteps == 0 ? _peak * decay : _peak * Math.Min((step + 1.0) / _warmupSteps, decay);
    }
}

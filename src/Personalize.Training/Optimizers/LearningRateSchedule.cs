namespace Personalize.Training.Optimizers;

/// <summary>The learning rate of each step: a linear warm-up, under a curve from the full rate down to a fraction f of it.</summary>
/// <remarks>
/// <c>rate(s) = peak * min((s + 1) / warmup, curve(s / steps))</c>, steps <c>s</c> counted from 0. Linear: <c>1 - u (1 - f)</c>; cosine: <c>f + (1 - f) (1 + cos(pi u)) / 2</c>; constant: 1.
/// </remarks>
internal sealed class LearningRateSchedule
{
    private readonly double _peak;
    private readonly int _warmupSteps;
    private readonly double _finalFraction;
    private readonly int _totalSteps;
    private readonly ScheduleKind _kind;

    public LearningRateSchedule(double peak, int warmupSteps, double finalFraction, int totalSteps, ScheduleKind kind = ScheduleKind.Linear)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(peak);
        ArgumentOutOfRangeException.ThrowIfNegative(warmupSteps);
        ArgumentOutOfRangeException.ThrowIfNegative(finalFraction);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(totalSteps);
        _peak = peak;
        _warmupSteps = warmupSteps;
        _finalFraction = finalFraction;
        _totalSteps = totalSteps;
        _kind = kind;
    }

    /// <summary>The rate of step <paramref name="step"/>, counted from 0.</summary>
    public double At(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var decay = _kind switch
        {
            ScheduleKind.Constant => 1,
            ScheduleKind.Cosine => _finalFraction + ((1 - _finalFraction) * (1 + Math.Cos(Math.PI * step / _totalSteps)) / 2),
            _ => 1 - ((double)step / _totalSteps * (1 - _finalFraction)),
        };
        return _warmupSteps == 0 ? _peak * decay : _peak * Math.Min((step + 1.0) / _warmupSteps, decay);
    }
}

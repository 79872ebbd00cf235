namespace Personalize.Training.Optimizers;

/// <summary>The learning rate of each step: a linear warm-up, under a curve from the full rate down to a fraction f of it.</summary>
/// <remarks>
/// <c>rate(s) = peak * min((s + 1) / warmup, curve(s / steps))</c>, steps <c>s</c> counted from 0. Linear: <c>1 - u (1 - f)</c>; cosine: <c>f + (1 - f) (1 + cos(pi u)) / 2</c>; constant: 1, or over the last share d of the steps <c>1 - (1 - f)(u - (1 - d)) / d</c>.
/// </remarks>
internal sealed class LearningRateSchedule
{
    private readonly double _peak;
    private readonly int _warmupSteps;
    private readonly double _finalFraction;
    private readonly int _totalSteps;
    private readonly ScheduleKind _kind;
    private readonly double _decayShare;

    public LearningRateSchedule(double peak, int warmupSteps, double finalFraction, int totalSteps, ScheduleKind kind = ScheduleKind.Linear, double decayShare = 0)
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
        _decayShare = decayShare;
    }

    /// <summary>The rate of step <paramref name="step"/>, counted from 0.</summary>
    public double At(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var decay = _kind switch
        {
            ScheduleKind.Constant when (double)step / _totalSteps is var u && u > 1 - _decayShare => 1 - ((1 - _finalFraction) * (u - (1 - _decayShare)) / _decayShare),
            ScheduleKind.Constant => 1,
            ScheduleKind.Cosine => _finalFraction + ((1 - _finalFraction) * (1 + Math.Cos(Math.PI * step / _totalSteps)) / 2),
            _ => 1 - ((double)step / _totalSteps * (1 - _finalFraction)),
        };
        return _warmupSteps == 0 ? _peak * decay : _peak * Math.Min((step + 1.0) / _warmupSteps, decay);
    }
}

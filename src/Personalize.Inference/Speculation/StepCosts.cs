namespace Personalize.Inference.Speculation;

/// <summary>What one pass over several tokens costs, in passes over one token: measured, and assumed until then.</summary>
internal sealed class StepCosts
{
    // Where the products bind and not the bytes of the weights, as on two cores without 8-bit dot products, a further token costs about this much.
    private const double AssumedCostOfToken = 0.45;
    private const double Weight = 0.15;
    private readonly double[] _ratios;
    private double _plainSeconds;

    public StepCosts(int maxTokens)
    {
        _ratios = new double[maxTokens + 1];
        for (var tokens = 1; tokens <= maxTokens; tokens++)
        {
            _ratios[tokens] = Assumed(tokens);
        }
    }

    /// <summary>Whether a pass over one token was measured.</summary>
    public bool IsMeasured => _plainSeconds > 0;

    /// <summary>What is assumed of a pass over <paramref name="tokens"/>; the same on every machine.</summary>
    public static double Assumed(int tokens) => 1 + (AssumedCostOfToken * (tokens - 1));

    /// <summary>What a pass over <paramref name="tokens"/> costs.</summary>
    public double Of(int tokens) => _ratios[tokens];

    /// <summary>Takes a measurement.</summary>
    public void Record(int tokens, TimeSpan time)
    {
        var seconds = time.TotalSeconds;
        if (!(seconds > 0))
        {
            return;
        }

        if (tokens == 1)
        {
            // One step that the system interrupted must not make the others look cheap.
            _plainSeconds = IsMeasured ? Blend(_plainSeconds, Math.Min(seconds, 3 * _plainSeconds)) : seconds;
        }
        else if (IsMeasured)
        {
            _ratios[tokens] = Blend(_ratios[tokens], Math.Clamp(seconds / _plainSeconds, 1, 3 * _ratios[tokens]));
        }
    }

    /// <summary>A time in passes over one token; 0 while none was measured.</summary>
    public double InSteps(TimeSpan time) => IsMeasured ? time.TotalSeconds / _plainSeconds : 0;

    private static double Blend(double before, double now) => before + (Weight * (now - before));
}

namespace Personalize.Inference.Speculation;

/// <summary>What one pass over several tokens costs, in passes over one token: measured where it was, between what was measured elsewhere, and assumed until then.</summary>
internal sealed class StepCosts
{
    // What a further token costs about where products of 8 bits are an instruction: more would keep drafts from ever being measured.
    private const double AssumedCostOfToken = 0.25;
    private const double LeastWeight = 0.15;

    // A pass that the system interrupted must not make its length look dear for long.
    private const double MostGrowth = 1.5;
    private readonly double[] _ratios;
    private readonly int[] _counts;
    private double _plainSeconds;

    public StepCosts(int maxTokens)
    {
        _ratios = new double[maxTokens + 1];
        _counts = new int[maxTokens + 1];
        _ratios[1] = 1;
        _counts[1] = 1;
    }

    /// <summary>Whether a pass over one token was measured.</summary>
    public bool IsMeasured => _plainSeconds > 0;

    /// <summary>What is assumed of a pass over <paramref name="tokens"/>; the same on every machine.</summary>
    public static double Assumed(int tokens) => 1 + (AssumedCostOfToken * (tokens - 1));

    /// <summary>What a pass over <paramref name="tokens"/> costs.</summary>
    public double Of(int tokens)
    {
        if (_counts[tokens] > 0)
        {
            return _ratios[tokens];
        }

        var (below, above) = (tokens - 1, tokens + 1);
        while (_counts[below] == 0)
        {
            below--;
        }

        while (above < _counts.Length && _counts[above] == 0)
        {
            above++;
        }

        var slope = above < _counts.Length ? (_ratios[above] - _ratios[below]) / (above - below) : AssumedCostOfToken;
        return _ratios[below] + ((tokens - below) * slope);
    }

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
            _plainSeconds = IsMeasured ? Blend(_plainSeconds, Math.Min(seconds, MostGrowth * _plainSeconds), LeastWeight) : seconds;
        }
        else if (IsMeasured)
        {
            // The first weigh more, but what was thought before them counts as one.
            var before = Of(tokens);
            _ratios[tokens] = Blend(before, Math.Clamp(seconds / _plainSeconds, 1, MostGrowth * before), Math.Max(LeastWeight, 1.0 / (_counts[tokens] + 2)));
            _counts[tokens]++;
        }
    }

    /// <summary>A time in passes over one token; 0 while none was measured.</summary>
    public double InSteps(TimeSpan time) => IsMeasured ? time.TotalSeconds / _plainSeconds : 0;

    private static double Blend(double before, double now, double weight) => before + (weight * (now - before));
}

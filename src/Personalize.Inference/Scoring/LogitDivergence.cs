namespace Personalize.Inference.Scoring;

/// <summary>How far one distribution over the vocabulary is from another, both given as logits: <c>KL(p || q) = sum p (ln p - ln q)</c>, in nats.</summary>
public static class LogitDivergence
{
    /// <summary>Where p is below exp(-40) a token adds less than 1e-11, and is left out.</summary>
    private const double SmallestLog = -40;

    /// <summary>Computes it.</summary>
    /// <param name="p">The logits of the distribution that is expected, <c>[vocabulary]</c>.</param>
    /// <param name="normalizerP">Their <see cref="LogSumExp"/>.</param>
    /// <param name="q">The logits of the other, as many.</param>
    /// <param name="normalizerQ">Their <see cref="LogSumExp"/>.</param>
    /// <returns>From 0 on; NaN when a logit is NaN.</returns>
    public static double Compute(ReadOnlySpan<float> p, double normalizerP, ReadOnlySpan<float> q, double normalizerQ)
    {
        var sum = 0d;
        for (var i = 0; i < p.Length; i++)
        {
            var logP = p[i] - normalizerP;
            if (logP > SmallestLog)
            {
                sum += Math.Exp(logP) * (logP - (q[i] - normalizerQ));
            }
        }

        return Math.Max(0, sum);
    }
}

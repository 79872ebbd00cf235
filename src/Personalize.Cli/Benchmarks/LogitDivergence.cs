namespace Personalize.Cli.Benchmarks;

/// <summary>How far one distribution over the vocabulary is from another, both given as logits.</summary>
internal static class LogitDivergence
{
    /// <summary><c>ln sum exp(logits)</c>.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        var largest = double.NegativeInfinity;
        foreach (var logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }

        return largest + Math.Log(sum);
    }

    /// <summary>The index of the largest logit, the first at ties.</summary>
    public static int Top(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }

    /// <summary><c>KL(expected || actual) = sum p ln(p / q)</c>, in nats.</summary>
    public static double Compute(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        var expectedSum = LogSum(expected);
        var actualSum = LogSum(actual);
        double divergence = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            var log = expected[i] - expectedSum;
            divergence += Math.Exp(log) * (log - actual[i] + actualSum);
        }

        return divergence;
    }
}

namespace Personalize.Training.Evaluation;

/// <summary>Compares two results on the same examples by drawing examples anew, with replacement (Efron 1979; paired, as Koehn 2004 compares translations).</summary>
/// <remarks>Each draw takes as many examples as there are and forms <c>sum of (candidate - reference) / sum of tokens</c>, so long examples weigh what they weigh in the mean. Static and pure.</remarks>
public static class PairedBootstrap
{
    /// <summary>How many draws, where nothing else is said.</summary>
    public const int DefaultDraws = 10_000;

    private const double Tail = 0.025;

    /// <summary>The difference of the candidate's mean loss from the reference's with its 95 % interval (percentiles of the draws).</summary>
    /// <param name="reference">What is compared with.</param>
    /// <param name="candidate">What is judged.</param>
    /// <param name="seed">Decides the draws: the same seed, the same interval.</param>
    /// <param name="draws">How many draws, at least 100.</param>
    /// <returns>The interval; around 0 with no width where no token carries loss.</returns>
    /// <exception cref="ArgumentException">The results are about different examples, or a loss is not finite.</exception>
    public static BootstrapInterval Compare(EvaluationResult reference, EvaluationResult candidate, int seed, int draws = DefaultDraws)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 100);
        if (!reference.Examples.Select(e => e.Tokens).SequenceEqual(candidate.Examples.Select(e => e.Tokens)))
        {
            throw new ArgumentException("the results compared are about different examples", nameof(candidate));
        }

        if (!double.IsFinite(reference.TotalNll) || !double.IsFinite(candidate.TotalNll))
        {
            throw new ArgumentException("a loss is not finite", nameof(candidate));
        }

        var pairs = reference.Examples.Zip(candidate.Examples, (r, c) => (Difference: c.Nll - r.Nll, c.Tokens)).Where(pair => pair.Tokens > 0).ToArray();
        if (pairs.Length == 0)
        {
            return new BootstrapInterval(0, 0, 0);
        }

        var random = new Random(seed);
        var means = new double[draws];
        for (var draw = 0; draw < draws; draw++)
        {
            var (sum, tokens) = (0d, 0L);
            for (var i = 0; i < pairs.Length; i++)
            {
                var pair = pairs[random.Next(pairs.Length)];
                sum += pair.Difference;
                tokens += pair.Tokens;
            }

            means[draw] = sum / tokens;
        }

        Array.Sort(means);
        var low = (int)(Tail * draws);
        return new BootstrapInterval((candidate.TotalNll - reference.TotalNll) / reference.Tokens, means[low], means[draws - 1 - low]);
    }
}

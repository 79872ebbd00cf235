namespace Personalize.Inference.Merging;

/// <summary>Chooses types: all tensors begin in the base's own, and those whose rounding costs most for the bytes it saves are promoted first, until enough is kept.</summary>
internal static class PromotionSearch
{
    /// <summary>The order in which promotions pay: most error removed a byte first; a tensor's second promotion never before its first.</summary>
    public static IReadOnlyList<MergeCandidate> Order(IEnumerable<MergeCandidate> candidates)
    {
        var steps = new List<(double Value, MergeCandidate Candidate)>();
        foreach (var candidate in candidates)
        {
            var ceiling = double.PositiveInfinity;
            for (var rung = 1; rung < candidate.Types.Length; rung++)
            {
                var value = Math.Max(0, candidate.RelativeErrorOf(rung - 1) - candidate.RelativeErrorOf(rung)) / (candidate.BytesOf(rung) - candidate.BytesOf(rung - 1));
                ceiling = Math.Min(ceiling, value);
                steps.Add((ceiling, candidate));
            }
        }

        // A stable sort: equal ones stay in the adapter's order.
        return [.. steps.OrderByDescending(step => step.Value).Select(step => step.Candidate)];
    }

    /// <summary>Finds by bisection how many of the promotions are needed. What is kept hardly ever falls as more are promoted; what is returned was measured in any case.</summary>
    /// <param name="count">How many promotions there are.</param>
    /// <param name="target">How much must be kept.</param>
    /// <param name="mostEvaluations">How often <paramref name="keptBy"/> may be called, at least 2.</param>
    /// <param name="keptBy">Measures what the first n promotions keep.</param>
    /// <returns>How many to promote: the fewest measured that reach the target, all if none does.</returns>
    public static int Find(int count, double target, int mostEvaluations, Func<int, double> keptBy)
    {
        if (count == 0 || keptBy(0) >= target)
        {
            return 0;
        }

        var (tooFew, enough) = (0, count);
        for (var evaluation = 1; evaluation < mostEvaluations && enough - tooFew > 1; evaluation++)
        {
            var middle = tooFew + ((enough - tooFew) / 2);
            if (keptBy(middle) >= target)
            {
                enough = middle;
            }
            else
            {
                tooFew = middle;
            }
        }

        return enough;
    }
}

using Personalize.Core.Interactions;

namespace Personalize.Training.Evaluation;

/// <summary>Chooses which interactions may train, so that no app can teach an adapter alone: first bursts are cut, then shares. Static and pure.</summary>
public static class SourceFilter
{
    /// <summary>Applies the limits.</summary>
    /// <param name="interactions">What would be trained on.</param>
    /// <param name="limits">The limits; null for the defaults.</param>
    /// <returns>What is left, and how much of each source was left out. Of a source alone, nothing is left below a share of 1.</returns>
    /// <exception cref="ArgumentException">A limit is out of range.</exception>
    public static SourceFilterResult Apply(IReadOnlyList<Interaction> interactions, SourceLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(interactions);
        limits ??= new SourceLimits();
        if (!limits.IsValid)
        {
            throw new ArgumentException("a share is above 0 and at most 1, a window above zero, and at least 1 interaction is used out of it", nameof(limits));
        }

        var trusted = limits.Trusted.ToHashSet(StringComparer.Ordinal);
        var bySource = interactions.Select((interaction, index) => (interaction.Source, interaction.Timestamp, Index: index))
            .Where(entry => !trusted.Contains(entry.Source))
            .GroupBy(entry => entry.Source, StringComparer.Ordinal)
            .Select(group => (Source: group.Key, All: group.OrderBy(entry => entry.Timestamp).ThenBy(entry => entry.Index).Select(entry => (entry.Timestamp, entry.Index)).ToList()))
            .Select(source => (source.Source, All: source.All.Count, Calm: WithoutBursts(source.All, limits)))
            .ToList();
        var own = interactions.Count(interaction => trusted.Contains(interaction.Source));
        var cap = LargestCap(own, [.. bySource.Select(source => source.Calm.Count)], limits.MaximumShare);
        var kept = new HashSet<int>(bySource.SelectMany(source => Spread(source.Calm, cap)));
        return new SourceFilterResult(
            [.. interactions.Where((interaction, index) => trusted.Contains(interaction.Source) || kept.Contains(index))],
            bySource.Where(source => source.All > source.Calm.Count).ToDictionary(source => source.Source, source => source.All - source.Calm.Count, StringComparer.Ordinal),
            bySource.Where(source => source.Calm.Count > cap).ToDictionary(source => source.Source, source => source.Calm.Count - cap, StringComparer.Ordinal));
    }

    private static List<int> WithoutBursts(List<(DateTimeOffset Timestamp, int Index)> entries, SourceLimits limits)
    {
        // One is used if fewer than the maximum of those used lie within the window before it.
        var used = new List<(DateTimeOffset Timestamp, int Index)>();
        foreach (var entry in entries)
        {
            if (used.Count < limits.MaximumPerWindow || entry.Timestamp - used[^limits.MaximumPerWindow].Timestamp >= limits.FloodWindow)
            {
                used.Add(entry);
            }
        }

        return [.. used.Select(entry => entry.Index)];
    }

    /// <summary>The largest number c with <c>c &lt;= share * (own + sum of min(count, c))</c>; the sum bends downwards in c, so that all smaller numbers hold too.</summary>
    private static int LargestCap(int own, IReadOnlyList<int> counts, double share)
    {
        int low = 0, high = counts.Count == 0 ? 0 : counts.Max();
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            (low, high) = middle <= share * (own + counts.Sum(count => (long)Math.Min(count, middle))) ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    /// <summary>So many of them, spread evenly over the time: neither an early nor a late flood decides which.</summary>
    private static IEnumerable<int> Spread(List<int> indexes, int cap) =>
        indexes.Count <= cap ? indexes : Enumerable.Range(0, cap).Select(i => indexes[(int)((long)i * indexes.Count / cap)]);
}

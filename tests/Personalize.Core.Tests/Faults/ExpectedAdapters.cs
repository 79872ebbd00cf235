using Personalize.Core.Adapters;
using Personalize.Core.Tests.Adapters;

namespace Personalize.Core.Tests.Faults;

/// <summary>Follows what a <see cref="StoreWorker"/> said of adapters, and compares with what a profile holds: what was acknowledged is so; of what was begun last, the state before or the one after.</summary>
/// <param name="inUse">The adapter that is in use at the start; null where there is none.</param>
internal sealed class ExpectedAdapters(string? inUse)
{
    private readonly string? _first = inUse;
    private readonly HashSet<string> _kept = inUse is null ? new(StringComparer.Ordinal) : new(StringComparer.Ordinal) { inUse };
    private string? _promoted = inUse;

    /// <summary>How many promotions and ways back were acknowledged.</summary>
    public int Changes { get; private set; }

    public void Compare(AdapterRegistry registry, List<string> lines, string where)
    {
        var begun = "";
        var target = "";
        foreach (var words in lines.Select(line => line.Split(' ')))
        {
            switch (words[0])
            {
                case "d" or "p" or "b" or "k":
                    (begun, target) = (words[0], words.ElementAtOrDefault(1) ?? "");
                    break;
                case "D":
                    _kept.Add(target);
                    begun = "";
                    break;
                case "P" or "B":
                    _promoted = words[1] == "-" ? null : words[1];
                    Changes++;
                    begun = "";
                    break;
                case "K":
                    _kept.ExceptWith(words[1..]);
                    begun = "";
                    break;
            }
        }

        // Every file is whole, whatever happened.
        var found = registry.List().Select(record => record.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var id in found)
        {
            var adapter = registry.Load(id);
            if (id != _first)
            {
                AdapterSamples.AssertSame(StoreWorker.AdapterOf(id), adapter);
            }
        }

        var promoted = registry.GetPromoted()?.Id;
        if (begun == "d" && found.Contains(target))
        {
            _kept.Add(target);
        }

        if (begun == "k")
        {
            Assert.True(found.IsSubsetOf(_kept), where);
            _kept.IntersectWith(found);
        }

        var steppedBack = registry.History is [.., { IsRollback: true } last] && last.AdapterId == promoted && (promoted is null || _kept.Contains(promoted));
        if ((begun == "p" && promoted == target) || (begun == "b" && steppedBack))
        {
            _promoted = promoted;
        }

        Assert.Equal((where, _promoted), (where, promoted));
        Assert.True(_kept.SetEquals(found), $"{where}: {_kept.Count} adapters expected, {found.Count} found");
    }
}

using System.Runtime.InteropServices;

namespace Personalize.Core.Tokenization;

/// <summary>How often each pair of neighbouring symbols occurs in weighted pieces, kept up to date while pairs are merged. Not thread-safe.</summary>
/// <remarks>The queue holds a pair once for every count it had after a merge; what is out of date is seen when it comes to the top and put back with its present count.</remarks>
internal sealed class PairCounts
{
    private readonly List<(int[] Symbols, long Count)> _pieces;
    private readonly Dictionary<(int Left, int Right), long> _counts = [];
    private readonly Dictionary<(int Left, int Right), HashSet<int>> _places = [];
    private readonly PriorityQueue<(int Left, int Right), (long NegatedCount, int Left, int Right)> _queue = new();

    public PairCounts(IReadOnlyList<(int[] Symbols, long Count)> pieces)
    {
        _pieces = [.. pieces];
        for (var piece = 0; piece < _pieces.Count; piece++)
        {
            Add(piece, sign: 1);
        }

        foreach (var pair in _counts.Keys)
        {
            Enqueue(pair);
        }
    }

    /// <summary>The most frequent pair; of several the one with the lower ids. False where every pair occurs at most once.</summary>
    public bool TryTakeMostFrequent(out int left, out int right)
    {
        while (_queue.TryDequeue(out var pair, out var key))
        {
            var count = _counts.GetValueOrDefault(pair);
            if (count == -key.NegatedCount && count > 1)
            {
                (left, right) = pair;
                return true;
            }

            if (count > 1)
            {
                Enqueue(pair);
            }
        }

        (left, right) = (-1, -1);
        return false;
    }

    /// <summary>Replaces a pair by one symbol wherever it stands, from the left on.</summary>
    public void Merge(int left, int right, int product)
    {
        if (!_places.Remove((left, right), out var places))
        {
            return;
        }

        var changed = new HashSet<(int Left, int Right)>();
        foreach (var piece in places)
        {
            var before = _pieces[piece].Symbols;
            Add(piece, sign: -1);
            _pieces[piece] = (Replace(before, left, right, product), _pieces[piece].Count);
            Add(piece, sign: 1);
            foreach (var pair in Pairs(_pieces[piece].Symbols))
            {
                changed.Add(pair);
            }
        }

        _counts.Remove((left, right));
        foreach (var pair in changed)
        {
            Enqueue(pair);
        }
    }

    private static int[] Replace(int[] symbols, int left, int right, int product)
    {
        var result = new List<int>(symbols.Length - 1);
        for (var i = 0; i < symbols.Length; i++)
        {
            var matches = i + 1 < symbols.Length && symbols[i] == left && symbols[i + 1] == right;
            result.Add(matches ? product : symbols[i]);
            i += matches ? 1 : 0;
        }

        return [.. result];
    }

    private static IEnumerable<(int Left, int Right)> Pairs(int[] symbols) => Enumerable.Range(0, Math.Max(0, symbols.Length - 1)).Select(i => (symbols[i], symbols[i + 1]));

    private void Add(int piece, int sign)
    {
        var (symbols, count) = _pieces[piece];
        for (var i = 0; i + 1 < symbols.Length; i++)
        {
            var pair = (symbols[i], symbols[i + 1]);
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, pair, out _) += sign * count;
            if (sign > 0)
            {
                // A piece that no longer holds the pair stays listed: merging finds nothing in it.
                ref var places = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, pair, out _);
                (places ??= []).Add(piece);
            }
        }
    }

    private void Enqueue((int Left, int Right) pair) => _queue.Enqueue(pair, (-_counts.GetValueOrDefault(pair), pair.Left, pair.Right));
}

using System.Buffers;

namespace Personalize.Core.Tokenization;

/// <summary>The ranked merges: always the strongest pair of the piece is joined, the leftmost among equals, until none is left (arXiv 1508.07909). Immutable; safe to share between threads.</summary>
internal sealed class BytePairMerges
{
    /// <summary>Up to this many symbols the plain scan is faster than keeping a queue.</summary>
    internal const int LongestScanned = 32;

    private const long NoMerge = long.MaxValue;
    private readonly PairTable _merges;

    public BytePairMerges(int capacity) => _merges = new PairTable(capacity);

    /// <summary>Adds a merge; its rank is the number of merges before it.</summary>
    /// <returns>False where the pair has a merge already.</returns>
    public bool TryAdd(int left, int right, int merged) => _merges.TryAdd(left, right, ((long)_merges.Count << 32) | (uint)merged);

    /// <summary>Says whether some merge makes a token.</summary>
    public bool Produces(int token) => _merges.Values.Any(merge => (int)merge == token);

    /// <summary>Merges symbols in place.</summary>
    /// <returns>How many symbols are left at the start of the span.</returns>
    public int Apply(Span<int> symbols) => symbols.Length <= LongestScanned ? ApplyByScan(symbols) : ApplyByQueue(symbols);

    /// <summary>The definition spelled out, quadratic: the reference for <see cref="ApplyByQueue"/>.</summary>
    internal int ApplyByScan(Span<int> symbols)
    {
        var count = symbols.Length;
        if (count < 2)
        {
            return count;
        }

        Span<long> pairs = count <= LongestScanned ? stackalloc long[LongestScanned] : new long[count];
        for (var i = 0; i + 1 < count; i++)
        {
            pairs[i] = Find(symbols[i], symbols[i + 1]);
        }

        while (count > 1)
        {
            // Two pairs of one rank are the same pair, so comparing the packed values compares ranks.
            var best = 0;
            for (var i = 1; i + 1 < count; i++)
            {
                best = pairs[i] < pairs[best] ? i : best;
            }

            if (pairs[best] == NoMerge)
            {
                break;
            }

            symbols[best] = (int)pairs[best];
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            pairs[(best + 1)..(count - 1)].CopyTo(pairs[best..]);
            count--;
            if (best > 0)
            {
                pairs[best - 1] = Find(symbols[best - 1], symbols[best]);
            }

            if (best + 1 < count)
            {
                pairs[best] = Find(symbols[best], symbols[best + 1]);
            }
        }

        return count;
    }

    /// <summary>The same in O(n log n): a queue of candidate pairs over a linked list of symbols.</summary>
    internal int ApplyByQueue(Span<int> symbols)
    {
        var count = symbols.Length;
        var links = ArrayPool<int>.Shared.Rent(2 * count);
        var next = links.AsSpan(0, count);
        var previous = links.AsSpan(count, count);
        var queue = new PriorityQueue<int, long>(count);
        for (var i = 0; i < count; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
            Enqueue(queue, symbols, i, i + 1);
        }

        while (queue.TryDequeue(out var left, out var priority))
        {
            var right = next[left];
            if (symbols[left] < 0 || right >= count)
            {
                continue;
            }

            var merge = Find(symbols[left], symbols[right]);
            if (merge == NoMerge || merge >> 32 != priority >> 32)
            {
                // A neighbour was merged since this pair was queued.
                continue;
            }

            symbols[left] = (int)merge;
            symbols[right] = -1;
            next[left] = next[right];
            if (next[left] < count)
            {
                previous[next[left]] = left;
            }

            Enqueue(queue, symbols, previous[left], left);
            Enqueue(queue, symbols, left, next[left]);
        }

        var kept = 0;
        for (var i = 0; i < count; i = next[i])
        {
            symbols[kept++] = symbols[i];
        }

        ArrayPool<int>.Shared.Return(links);
        return kept;
    }

    private void Enqueue(PriorityQueue<int, long> queue, ReadOnlySpan<int> symbols, int left, int right)
    {
        if (left < 0 || right >= symbols.Length)
        {
            return;
        }

        var merge = Find(symbols[left], symbols[right]);
        if (merge != NoMerge)
        {
            // Rank first, then position: the low half of the merge (its product) gives way to the place.
            queue.Enqueue(left, (merge & ~0xFFFFFFFFL) | (uint)left);
        }
    }

    private long Find(int left, int right) => _merges.Find(left, right) is >= 0 and var merge ? merge : NoMerge;
}

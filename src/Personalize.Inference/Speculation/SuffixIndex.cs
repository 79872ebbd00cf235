namespace Personalize.Inference.Speculation;

/// <summary>
/// The texts that a person wrote, oldest first, and the sorted order of all their suffixes (a suffix array): every occurrence of any sequence of tokens is one range, found by bisection.
/// Eight bytes a token; the oldest texts go when the room is used up. Not thread-safe.
/// </summary>
internal sealed class SuffixIndex
{
    /// <summary>Suffixes that agree so far count as equal, so that texts that repeat without end cost no more than others.</summary>
    public const int Depth = 96;

    /// <summary>Stands after each text; smaller than any token.</summary>
    public const int EndOfText = -1;

    private const int BytesPerToken = 2 * sizeof(int);
    private const int FirstRoom = 1024;
    private readonly int _capacity;
    private readonly SuffixComparer _comparer;
    private int[] _tokens = [];
    private int[] _order = [];

    /// <summary>Creates an empty index.</summary>
    /// <param name="maxBytes">What its arrays may come to take.</param>
    public SuffixIndex(long maxBytes)
    {
        _capacity = (int)Math.Min(maxBytes / BytesPerToken, Array.MaxLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(_capacity, 2, nameof(maxBytes));
        _comparer = new SuffixComparer(this);
    }

    /// <summary>How many tokens there are, the ends of texts included.</summary>
    public int Count { get; private set; }

    /// <summary>How many bytes the arrays take.</summary>
    public long ByteLength => ((long)_tokens.Length + _order.Length) * sizeof(int);

    /// <summary>Adds a text; of one that is too long, its end.</summary>
    public void Add(ReadOnlySpan<int> text)
    {
        text = text[Math.Max(0, text.Length + 1 - _capacity)..];
        if (text.Length == 0)
        {
            return;
        }

        MakeRoom(text.Length + 1);
        var first = Count;
        text.CopyTo(_tokens.AsSpan(first));
        _tokens[first + text.Length] = EndOfText;
        for (var position = first; position <= first + text.Length; position++)
        {
            _order[position] = position;
        }

        Count += text.Length + 1;
        _order.AsSpan(first, Count - first).Sort(_comparer);
        Merge(first);
    }

    /// <summary>The suffixes that begin with a sequence.</summary>
    /// <param name="sequence">At most <see cref="Depth"/> tokens.</param>
    /// <returns>The range of their ranks, the end excluded.</returns>
    public (int Start, int End) Find(ReadOnlySpan<int> sequence)
    {
        var start = Bisect(0, Count, sequence, after: false);
        return (start, Bisect(start, Count, sequence, after: true));
    }

    /// <summary>The token at some depth of a suffix; all suffixes of a range share what comes before that depth.</summary>
    public int TokenAt(int rank, int depth) => _tokens[_order[rank] + depth];

    /// <summary>The end of the ranks, from <paramref name="start"/> on, whose suffixes have the same token at a depth.</summary>
    public int EndOfGroup(int start, int end, int depth)
    {
        var token = TokenAt(start, depth);

        // Groups are usually small, so steps that double come before the bisection.
        var step = 1;
        var known = start;
        while (known + step < end && TokenAt(known + step, depth) == token)
        {
            known += step;
            step *= 2;
        }

        var limit = Math.Min(end, known + step);
        while (limit - known > 1)
        {
            var middle = known + ((limit - known) / 2);
            if (TokenAt(middle, depth) == token)
            {
                known = middle;
            }
            else
            {
                limit = middle;
            }
        }

        return limit;
    }

    // Below 0, 0 or above: the suffix against the sequence, a suffix that begins with it counting as equal.
    private int CompareWith(int position, ReadOnlySpan<int> sequence)
    {
        foreach (var token in sequence)
        {
            var found = _tokens[position++];
            if (found != token)
            {
                return found < token ? -1 : 1;
            }
        }

        return 0;
    }

    private int Bisect(int start, int end, ReadOnlySpan<int> sequence, bool after)
    {
        while (start < end)
        {
            var middle = start + ((end - start) / 2);
            var compared = CompareWith(_order[middle], sequence);
            if (compared < 0 || (after && compared == 0))
            {
                start = middle + 1;
            }
            else
            {
                end = middle;
            }
        }

        return start;
    }

    // Both halves of the order are sorted; the second is short. From the end, each new suffix finds its place among the old ones, which move up in blocks.
    private void Merge(int first)
    {
        var added = _order.AsSpan(first, Count - first).ToArray();
        var old = first;
        for (var i = added.Length - 1; i >= 0; i--)
        {
            var place = Place(added[i], old);
            _order.AsSpan(place, old - place).CopyTo(_order.AsSpan(place + i + 1));
            _order[place + i] = added[i];
            old = place;
        }
    }

    private int Place(int position, int end)
    {
        var start = 0;
        while (start < end)
        {
            var middle = start + ((end - start) / 2);
            if (_comparer.Compare(_order[middle], position) < 0)
            {
                start = middle + 1;
            }
            else
            {
                end = middle;
            }
        }

        return start;
    }

    private void MakeRoom(int length)
    {
        if (Count + length > _capacity)
        {
            // An eighth more than needed, so that a full index does not shift everything at each text.
            Forget(Math.Min(Count, Count + length - _capacity + (_capacity / 8)));
        }

        if (Count + length > _tokens.Length)
        {
            var room = (int)Math.Clamp(2L * (Count + length), Math.Min(FirstRoom, _capacity), _capacity);
            Array.Resize(ref _tokens, room);
            Array.Resize(ref _order, room);
        }
    }

    // What stays keeps its order: a suffix does not depend on what comes before it.
    private void Forget(int count)
    {
        _tokens.AsSpan(count, Count - count).CopyTo(_tokens);
        var kept = 0;
        for (var rank = 0; rank < Count; rank++)
        {
            if (_order[rank] >= count)
            {
                _order[kept++] = _order[rank] - count;
            }
        }

        Count = kept;
    }

    private sealed class SuffixComparer(SuffixIndex index) : IComparer<int>
    {
        public int Compare(int x, int y)
        {
            var tokens = index._tokens;
            for (var depth = 0; depth < Depth; depth++)
            {
                var left = tokens[x + depth];
                var right = tokens[y + depth];
                if (left != right)
                {
                    return left < right ? -1 : 1;
                }

                if (left == EndOfText)
                {
                    break;
                }
            }

            return x.CompareTo(y);
        }
    }
}

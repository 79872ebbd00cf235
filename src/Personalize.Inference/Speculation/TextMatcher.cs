namespace Personalize.Inference.Speculation;

/// <summary>Finds where the end of a growing text stood before in the same text: chains of positions under a hash of the last tokens, as in LZ77. Eight bytes a token.</summary>
internal sealed class TextMatcher
{
    /// <summary>Longer matches are not told apart.</summary>
    public const int LongestMatch = 64;

    private const int CandidateCount = 64;
    private const int MinimumBuckets = 1024;
    private readonly int _shortest;
    private int[] _tokens = new int[MinimumBuckets];
    private int[] _previous = new int[MinimumBuckets];
    private int[] _heads = NewHeads(MinimumBuckets);
    private int _count;

    /// <summary>Creates an empty matcher.</summary>
    /// <param name="shortest">The shortest match that counts, in tokens; at least 1.</param>
    public TextMatcher(int shortest)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shortest);
        _shortest = shortest;
    }

    /// <summary>Takes the text as it is now; what it shares with the text before is not indexed again.</summary>
    public void Update(ReadOnlySpan<int> text)
    {
        if (text.Length < _count || !text[.._count].SequenceEqual(_tokens.AsSpan(0, _count)))
        {
            _count = 0;
            Array.Fill(_heads, -1);
        }

        if (text.Length > _tokens.Length)
        {
            Grow(text.Length);
        }

        for (; _count < text.Length; _count++)
        {
            _tokens[_count] = text[_count];
            Link(_count);
        }
    }

    /// <summary>The longest earlier match of the text's end; the latest at ties.</summary>
    /// <param name="next">The position of the token that followed there.</param>
    /// <returns>How many tokens match, at most <see cref="LongestMatch"/>; 0 when fewer than the shortest do.</returns>
    public int Find(out int next)
    {
        next = 0;
        var best = 0;
        if (_count <= _shortest)
        {
            return 0;
        }

        var end = _count - 1;
        var candidate = _previous[end];
        for (var tried = 0; candidate >= 0 && tried < CandidateCount && best < LongestMatch; tried++, candidate = _previous[candidate])
        {
            var length = 0;
            while (length < LongestMatch && length <= candidate && _tokens[candidate - length] == _tokens[end - length])
            {
                length++;
            }

            // Hashes of different tokens can meet, so a match is what was compared.
            if (length >= _shortest && length > best)
            {
                best = length;
                next = candidate + 1;
            }
        }

        return best;
    }

    /// <summary>The token at a position.</summary>
    public int this[int position] => _tokens[position];

    /// <summary>How many tokens there are.</summary>
    public int Count => _count;

    private static int[] NewHeads(int count)
    {
        var heads = new int[count];
        Array.Fill(heads, -1);
        return heads;
    }

    private void Link(int position)
    {
        if (position + 1 < _shortest)
        {
            _previous[position] = -1;
            return;
        }

        ref var head = ref _heads[Hash(position) & (uint)(_heads.Length - 1)];
        _previous[position] = head;
        head = position;
    }

    private uint Hash(int position)
    {
        var hash = 2166136261u;
        for (var i = 0; i < _shortest; i++)
        {
            hash = (hash ^ (uint)_tokens[position - i]) * 16777619u;
        }

        return hash ^ (hash >> 15);
    }

    private void Grow(int length)
    {
        var size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length);
        Array.Resize(ref _tokens, size);
        Array.Resize(ref _previous, size);
        _heads = NewHeads(size);
        for (var position = 0; position < _count; position++)
        {
            Link(position);
        }
    }
}

using Personalize.Core.Tokenization;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>The bytes of all tokens but the special ones as a tree, laid out in the order of a walk that visits a node before those below it. Immutable; safe to share between threads.</summary>
internal sealed class VocabularyTrie
{
    private readonly byte[] _values;
    private readonly ushort[] _depths;

    // The first node that is not below this one: where a walk goes on that does not enter.
    private readonly int[] _ends;

    // The first token that ends at a node, -1 for none; tokens of equal bytes are chained.
    private readonly int[] _tokens;
    private readonly int[] _nextOfEqualBytes;

    /// <summary>Lays out a vocabulary: about 11 bytes a node.</summary>
    public VocabularyTrie(ITokenizer tokenizer)
    {
        VocabularySize = tokenizer.VocabularySize;
        var has = new bool[256];
        var ids = new List<int>(VocabularySize);
        for (var id = 0; id < VocabularySize; id++)
        {
            if (!tokenizer.IsSpecial(id) && tokenizer.GetTokenBytes(id) is { Length: > 0 and < ushort.MaxValue } bytes)
            {
                ids.Add(id);
                if (bytes.Length == 1)
                {
                    has[bytes[0]] = true;
                }
            }
        }

        Bytes = new SpellableBytes(has);
        ids.Sort((left, right) => tokenizer.GetTokenBytes(left).SequenceCompareTo(tokenizer.GetTokenBytes(right)));
        var values = new List<byte>();
        var depths = new List<ushort>();
        var tokens = new List<int>();
        var previous = ReadOnlySpan<byte>.Empty;
        _nextOfEqualBytes = new int[VocabularySize];
        foreach (var id in ids)
        {
            var bytes = tokenizer.GetTokenBytes(id);
            for (var depth = previous.CommonPrefixLength(bytes); depth < bytes.Length; depth++)
            {
                values.Add(bytes[depth]);
                depths.Add((ushort)depth);
                tokens.Add(-1);
            }

            _nextOfEqualBytes[id] = tokens[^1];
            tokens[^1] = id;
            previous = bytes;
        }

        (_values, _depths, _tokens) = ([.. values], [.. depths], [.. tokens]);
        _ends = Ends(_depths);
        MaximumLength = ids.Count == 0 ? 0 : ids.Max(id => tokenizer.GetTokenBytes(id).Length);
    }

    /// <summary>How many ids there are.</summary>
    public int VocabularySize { get; }

    /// <summary>The bytes of the longest token.</summary>
    public int MaximumLength { get; }

    /// <summary>Which bytes have a token of their own.</summary>
    public SpellableBytes Bytes { get; }

    /// <summary>Marks every token that a grammar takes.</summary>
    /// <param name="automaton">The grammar.</param>
    /// <param name="configuration">Where the text stands.</param>
    /// <param name="limit">Tokens after which the text needs more bytes than this to end are left out.</param>
    /// <param name="path">Scratch, <c>[MaximumLength + 1]</c>.</param>
    /// <param name="allowed">One bit a token, set where it is taken; cleared before.</param>
    /// <returns>The most bytes that the text needs to end after any marked token.</returns>
    public int Mark(GrammarAutomaton automaton, int configuration, int limit, Span<int> path, Span<ulong> allowed)
    {
        allowed.Clear();
        var farthest = 0;
        path[0] = configuration;
        for (var node = 0; node < _values.Length;)
        {
            var depth = _depths[node];
            var next = automaton.Next(path[depth], _values[node]);
            if (next == GrammarAutomaton.Dead)
            {
                node = _ends[node];
                continue;
            }

            path[depth + 1] = next;
            var token = _tokens[node];
            if (token >= 0 && automaton.Distance(next) is var distance && distance <= limit)
            {
                farthest = Math.Max(farthest, distance);
                for (; token >= 0; token = _nextOfEqualBytes[token])
                {
                    allowed[token >> 6] |= 1UL << token;
                }
            }

            node++;
        }

        return farthest;
    }

    private static int[] Ends(ushort[] depths)
    {
        var ends = new int[depths.Length];
        var open = new Stack<int>();
        for (var node = 0; node < depths.Length; node++)
        {
            while (open.Count > depths[node])
            {
                ends[open.Pop()] = node;
            }

            open.Push(node);
        }

        while (open.TryPop(out var last))
        {
            ends[last] = depths.Length;
        }

        return ends;
    }
}

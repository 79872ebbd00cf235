namespace Personalize.Inference.Speculation;

/// <summary>Short sequences of tokens under the first of them, the latest few of each, in memory that does not grow.</summary>
/// <remarks>A row of slots for each value of a hash; a new sequence pushes the row's oldest out. Sequences of different tokens may share a row, so the first token is compared.</remarks>
internal sealed class NGramPool
{
    /// <summary>The longest sequence, its first token included.</summary>
    public const int LongestGram = 4;

    /// <summary>The shortest one.</summary>
    public const int ShortestGram = 2;

    private const int Rows = 1024;
    private const int SlotsPerRow = 4;
    private const int SlotSize = LongestGram + 1;

    // Each slot: how many tokens, then the tokens.
    private readonly int[] _slots = new int[Rows * SlotsPerRow * SlotSize];

    /// <summary>How many bytes it takes, however much is added.</summary>
    public long ByteLength => sizeof(int) * (long)_slots.Length;

    /// <summary>Adds a sequence as the latest; where the row holds one of the same first two tokens, in the place of that.</summary>
    /// <param name="gram">From <see cref="ShortestGram"/> to <see cref="LongestGram"/> tokens.</param>
    public void Add(ReadOnlySpan<int> gram)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(gram.Length, ShortestGram, nameof(gram));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(gram.Length, LongestGram, nameof(gram));
        var row = RowOf(gram[0]);
        var replaced = 0;
        while (replaced < SlotsPerRow - 1 && !StartsAlike(row.Slice(replaced * SlotSize, SlotSize), gram))
        {
            replaced++;
        }

        row[..(replaced * SlotSize)].CopyTo(row[SlotSize..]);
        row[0] = gram.Length;
        gram.CopyTo(row[1..]);
    }

    /// <summary>What followed a token the last time.</summary>
    /// <param name="token">The token.</param>
    /// <returns>From one to three tokens, valid until something is added; none where nothing is known.</returns>
    public ReadOnlySpan<int> Find(int token)
    {
        var row = RowOf(token);
        for (var at = 0; at < row.Length; at += SlotSize)
        {
            if (row[at] > 0 && row[at + 1] == token)
            {
                return row.Slice(at + 2, row[at] - 1);
            }
        }

        return [];
    }

    private static bool StartsAlike(ReadOnlySpan<int> slot, ReadOnlySpan<int> gram) => slot[0] > 0 && slot[1] == gram[0] && slot[2] == gram[1];

    private Span<int> RowOf(int token) => _slots.AsSpan((int)(((uint)token * 2654435761u) >> 22) * SlotsPerRow * SlotSize, SlotsPerRow * SlotSize);
}

namespace Personalize.Core.Kernels;

/// <summary>
/// Where the tokens of a stream lie in a cache of fixed size, and which of them a token attends to (attention sinks, arXiv 2309.17453): the first <see cref="SinkTokenCount"/> tokens keep
/// their slots for ever, the others take the slots of a ring in turn.
/// </summary>
/// <remarks>
/// The token at position p attends to the sinks and to the last <see cref="WindowSize"/> tokens, its own included: at most <c>sinks + window</c> tokens. The ring has more slots than the
/// window, so that the oldest tokens which the first of a chunk sees are still there when its last is stored, and so that the last tokens can be taken back.
/// </remarks>
public readonly record struct CacheLayout
{
    private CacheLayout(int capacity, int sinkTokenCount, int windowSize)
    {
        Capacity = (capacity + CachedAttention.CapacityAlignment - 1) / CachedAttention.CapacityAlignment * CachedAttention.CapacityAlignment;
        SinkTokenCount = sinkTokenCount;
        WindowSize = windowSize;
    }

    /// <summary>How many slots there are, whole groups of <see cref="CachedAttention.CapacityAlignment"/>.</summary>
    public int Capacity { get; }

    /// <summary>How many of the first tokens are kept for ever.</summary>
    public int SinkTokenCount { get; }

    /// <summary>How many of the last tokens a token attends to, its own included.</summary>
    public int WindowSize { get; }

    /// <summary>How many of the last tokens there are slots for.</summary>
    public int RingSize => Capacity - SinkTokenCount;

    /// <summary>The largest number of tokens that one token attends to.</summary>
    public int VisibleTokens => SinkTokenCount + WindowSize;

    /// <summary>A cache that drops nothing: every token attends to all before it.</summary>
    /// <param name="positions">How many tokens it must hold.</param>
    /// <returns>The layout, in which a token's slot is its position.</returns>
    /// <exception cref="ArgumentOutOfRangeException">No positions.</exception>
    public static CacheLayout Linear(int positions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(positions);
        var aligned = new CacheLayout(positions, 0, positions).Capacity;
        return new CacheLayout(aligned, 0, aligned);
    }

    /// <summary>A cache for a stream without end.</summary>
    /// <param name="sinkTokenCount">How many of the first tokens are kept for ever.</param>
    /// <param name="windowSize">How many of the last tokens a token attends to, its own included.</param>
    /// <param name="chunkSize">How many tokens are stored before the first of them attends, at least 1.</param>
    /// <param name="rollbackTokens">How many of the last tokens can be taken back.</param>
    /// <returns>The layout.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A negative number, an empty window or an empty chunk.</exception>
    public static CacheLayout Streaming(int sinkTokenCount, int windowSize, int chunkSize, int rollbackTokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sinkTokenCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(windowSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(chunkSize);
        ArgumentOutOfRangeException.ThrowIfNegative(rollbackTokens);

        // Before the first of a chunk attends, chunk - 1 later tokens are stored; after r tokens were taken back, r - 1 later ones than the next were stored once. These never add up.
        return new CacheLayout(checked(sinkTokenCount + windowSize + Math.Max(chunkSize, rollbackTokens) - 1), sinkTokenCount, windowSize);
    }

    /// <summary>The slot of a token.</summary>
    /// <param name="position">The token's position in the stream, counted from 0.</param>
    /// <returns>From 0 to below <see cref="Capacity"/>.</returns>
    public int SlotOf(int position) => position < Capacity ? position : SinkTokenCount + ((position - SinkTokenCount) % RingSize);

    /// <summary>Whether the token no longer sees all tokens before it, so that its place among those it sees is not its position.</summary>
    /// <param name="position">The token's position in the stream, counted from 0.</param>
    /// <returns>True from position <c>sinks + window</c> on.</returns>
    public bool DropsTokens(int position) => position >= VisibleTokens;

    /// <summary>The oldest token behind the sinks that the token at a position attends to.</summary>
    /// <param name="position">The token's position in the stream, counted from 0.</param>
    /// <returns>A position in the stream; past the token itself where it is a sink.</returns>
    public int OldestVisible(int position) => Math.Max(SinkTokenCount, position - WindowSize + 1);
}

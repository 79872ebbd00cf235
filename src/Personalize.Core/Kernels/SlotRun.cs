namespace Personalize.Core.Kernels;

/// <summary>Consecutive slots of a cache that hold consecutive tokens.</summary>
/// <param name="First">The first slot.</param>
/// <param name="Count">How many slots.</param>
/// <param name="AreSinks">Whether the tokens are sinks before which others were dropped, so that distances to them are those of places.</param>
internal readonly record struct SlotRun(int First, int Count, bool AreSinks)
{
    /// <summary>How many runs a token sees at most: the sinks, the ring's end, the ring's start.</summary>
    public const int Most = 3;

    /// <summary>The slots of the tokens that a token attends to, oldest first.</summary>
    /// <param name="layout">Where the tokens lie.</param>
    /// <param name="position">The token's position in the stream.</param>
    /// <param name="runs">Room for <see cref="Most"/> runs.</param>
    /// <returns>How many runs there are.</returns>
    public static unsafe int Visible(in CacheLayout layout, int position, SlotRun* runs)
    {
        if (!layout.DropsTokens(position))
        {
            runs[0] = new SlotRun(0, position + 1, AreSinks: false);
            return 1;
        }

        var count = 0;
        if (layout.SinkTokenCount > 0)
        {
            runs[count++] = new SlotRun(0, layout.SinkTokenCount, AreSinks: true);
        }

        var first = layout.SlotOf(layout.OldestVisible(position));
        var beforeEnd = Math.Min(layout.WindowSize, layout.Capacity - first);
        runs[count++] = new SlotRun(first, beforeEnd, AreSinks: false);
        if (beforeEnd < layout.WindowSize)
        {
            runs[count++] = new SlotRun(layout.SinkTokenCount, layout.WindowSize - beforeEnd, AreSinks: false);
        }

        return count;
    }
}

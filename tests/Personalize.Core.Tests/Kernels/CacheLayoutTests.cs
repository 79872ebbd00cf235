using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed unsafe class CacheLayoutTests
{
    [Fact]
    public void Four_sinks_and_a_window_of_124_see_128_tokens_the_own_included()
    {
        var layout = CacheLayout.Streaming(4, 124, chunkSize: 1, rollbackTokens: 0);

        Assert.Equal((128, 128, 124), (layout.VisibleTokens, layout.Capacity, layout.RingSize));
        Assert.False(layout.DropsTokens(127));
        Assert.True(layout.DropsTokens(128));
        Assert.Equal(5, layout.OldestVisible(128));
        Assert.Equal([0, 3, 4, 127, 4, 5, 127, 4], new[] { 0, 3, 4, 127, 128, 129, 251, 252 }.Select(layout.SlotOf));
    }

    [Fact]
    public void A_cache_that_drops_nothing_keeps_tokens_at_their_positions()
    {
        var layout = CacheLayout.Linear(50);

        Assert.Equal((64, 0), (layout.Capacity, layout.SinkTokenCount));
        Assert.All(Enumerable.Range(0, layout.Capacity), position => Assert.True(layout.SlotOf(position) == position && !layout.DropsTokens(position) && layout.OldestVisible(position) == 0));
    }

    [Fact]
    public void Sizes_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => CacheLayout.Linear(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => CacheLayout.Streaming(-1, 4, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => CacheLayout.Streaming(4, 0, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => CacheLayout.Streaming(4, 4, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => CacheLayout.Streaming(4, 4, 1, -1));
        Assert.Throws<OverflowException>(() => CacheLayout.Streaming(4, int.MaxValue, 1, 0));
    }

    /// <summary>Stores a stream's positions in an array of slots, a chunk at a time, and looks whether each token finds the ones it sees, oldest first.</summary>
    [Fact]
    public void Every_token_of_every_chunk_finds_what_it_sees()
    {
        var sizes = Gen.Choose(0, 40).Four().Select(s => (Sinks: s.Item1 % 9, Window: s.Item2 + 1, Chunk: s.Item3 + 1, Rollback: s.Item4));
        Prop.ForAll(sizes.ToArbitrary(), s =>
        {
            var layout = CacheLayout.Streaming(s.Sinks, s.Window, s.Chunk, s.Rollback);
            var slots = new int[layout.Capacity];
            var random = new Random(s.GetHashCode());
            var position = 0;
            for (var step = 0; step < 40; step++)
            {
                var count = random.Next(1, s.Chunk + 1);
                for (var t = 0; t < count; t++)
                {
                    slots[layout.SlotOf(position + t)] = position + t;
                }

                for (var t = 0; t < count; t++)
                {
                    Assert.Equal(Expected(s.Sinks, s.Window, position + t), Visible(layout, position + t, slots));
                }

                position += count - random.Next(0, Math.Min(s.Rollback, count) + 1);
            }
        }).QuickCheckThrowOnFailure();
    }

    private static IEnumerable<int> Expected(int sinks, int window, int position) =>
        Enumerable.Range(0, position + 1).Where(other => other < sinks || other > position - window);

    private static List<int> Visible(in CacheLayout layout, int position, int[] slots)
    {
        var runs = stackalloc SlotRun[SlotRun.Most];
        var seen = new List<int>();
        for (var run = 0; run < SlotRun.Visible(layout, position, runs); run++)
        {
            seen.AddRange(slots.AsSpan(runs[run].First, runs[run].Count));
        }

        return seen;
    }
}

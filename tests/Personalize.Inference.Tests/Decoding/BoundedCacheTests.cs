using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Decoding;

/// <summary>A session whose cache is smaller than its stream, compared with itself to the bit; <see cref="SinkOracleTests"/> compares it with PyTorch.</summary>
public sealed class BoundedCacheTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private const int Sinks = 4;
    private const int Window = 28;

    [Theory]
    [InlineData(ArithmeticPrecision.Served, 4, 28)]
    [InlineData(ArithmeticPrecision.Single, 4, 28)]
    [InlineData(ArithmeticPrecision.Single, 0, 17)]
    [InlineData(ArithmeticPrecision.Single, 33, 40)]
    public void Chunks_of_any_size_give_the_bits_of_single_steps(ArithmeticPrecision precision, int sinks, int window)
    {
        var ids = TinyModelFixture.Tokens(200);
        using var onePool = new WorkerPool(1);
        var expected = Logits(Open(1, sinks, window, 0, precision, onePool), ids);
        foreach (var chunk in new[] { 2, 3, 7, 64, 200 })
        {
            Assert.Equal(expected, Logits(Open(chunk, sinks, window, chunk % 5, precision), ids));
        }
    }

    [Fact]
    public void Half_precision_takes_half_the_memory_and_stays_independent_of_chunks()
    {
        var ids = TinyModelFixture.Tokens(100);
        DecoderSession Half(int chunk) => new(
            fixture.Model, fixture.Pool, new DecoderSessionOptions { ChunkSize = chunk, SinkTokenCount = Sinks, WindowSize = Window, KeyValuePrecision = KeyValuePrecision.Half });
        var expected = Logits(Half(1), ids);

        Assert.Equal(expected, Logits(Half(7), ids));
        using var exact = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ChunkSize = 1, SinkTokenCount = Sinks, WindowSize = Window, KeyValuePrecision = KeyValuePrecision.Single });
        Assert.NotEqual(Logits(exact, ids)[^1], expected[^1]);
        var layout = CacheLayout.Linear(256);
        using var half = new KvCache.KeyValueCache(fixture.Model.Description, layout, KeyValuePrecision.Half);
        using var single = new KvCache.KeyValueCache(fixture.Model.Description, layout, KeyValuePrecision.Single);
        Assert.Equal(single.ByteLength, 2 * half.ByteLength);
    }

    [Fact]
    public void Until_the_first_token_is_dropped_nothing_differs_from_an_unbounded_cache_and_then_it_does()
    {
        var ids = TinyModelFixture.Tokens(Sinks + Window + 3);
        var bounded = Logits(Open(5), ids);
        var whole = Logits(new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = ids.Length, ChunkSize = 5 }), ids);
        for (var i = 0; i < ids.Length; i++)
        {
            Assert.Equal(i < Sinks + Window, whole[i].AsSpan().SequenceEqual(bounded[i]));
        }
    }

    [Fact]
    public void Tokens_are_taken_back_across_the_wrap()
    {
        const int Rollback = 6;
        var ids = TinyModelFixture.Tokens(150);
        var drafts = TinyModelFixture.Tokens(150 * Rollback, seed: 2);
        var expected = Logits(Open(1), ids);
        using var session = Open(4, rollback: Rollback);
        for (var i = 0; i < ids.Length; i++)
        {
            // As a drafter does: the token, some that are rejected, and back.
            session.Prefill([ids[i], .. drafts.AsSpan(i * Rollback, i % (Rollback + 1))], CancellationToken.None);
            Assert.True(session.CanTruncateTo(i + 1));
            session.TruncateTo(i);
            session.Decode(ids[i]);
            Assert.Equal(expected[i], session.Logits.ToArray());
        }
    }

    [Fact]
    public void What_left_the_window_cannot_be_taken_back_to_but_the_start_can()
    {
        var ids = TinyModelFixture.Tokens(120);
        var expected = Logits(Open(1), ids);
        using var session = Open(1, rollback: 2);
        session.Prefill(ids, CancellationToken.None);

        // Capacity is rounded up, so a few more than were asked for may come back, but never what was overwritten.
        var first = Enumerable.Range(Sinks + 1, 120 - Sinks).First(session.CanTruncateTo);
        Assert.InRange(first, 120 - 2 - CachedAttention.CapacityAlignment, 120 - 2);
        var refused = Assert.Throws<InvalidOperationException>(() => session.TruncateTo(first - 1));
        Assert.Contains("RollbackTokens", refused.Message, StringComparison.Ordinal);
        Assert.Equal(120, session.Position);
        Assert.Equal(expected[^1], session.Logits.ToArray());

        foreach (var position in new[] { first, Sinks, 2, 0 })
        {
            session.TruncateTo(position);
            session.Prefill(ids.AsSpan(position), CancellationToken.None);
            Assert.Equal(expected[^1], session.Logits.ToArray());
        }

        session.TruncateTo(3);
        Assert.False(session.CanTruncateTo(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.TruncateTo(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.TruncateTo(-1));
    }

    [Fact]
    public void A_cancelled_prefill_leaves_a_stream_that_goes_on()
    {
        var ids = TinyModelFixture.Tokens(150);
        var expected = Logits(Open(1), ids);
        using var session = Open(8);
        using var cancel = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => session.Feed(
            ids,
            (index, _) =>
            {
                if (index == 71)
                {
                    cancel.Cancel();
                }
            },
            null,
            cancel.Token));

        Assert.Equal(72, session.Position);
        session.Prefill(ids.AsSpan(72), CancellationToken.None);
        Assert.Equal(expected[^1], session.Logits.ToArray());
    }

    [Fact]
    public void Memory_does_not_grow_with_the_stream()
    {
        using var pool = new WorkerPool(1);
        using var session = Open(16, pool: pool);
        var ids = TinyModelFixture.Tokens(3000);
        session.Prefill(ids.AsSpan(0, 500), CancellationToken.None);
        var planned = session.ByteLength;
        var managed = GC.GetAllocatedBytesForCurrentThread();
        foreach (var id in ids.AsSpan(500))
        {
            session.Decode(id);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - managed);
        Assert.Equal(planned, session.ByteLength);
        Assert.Equal(3000, session.Position);
        Assert.Equal(int.MaxValue, session.ContextLength);
        Assert.True(session.Position > fixture.Model.Description.ContextLength);
    }

    [Fact]
    public void The_cache_takes_what_its_window_needs()
    {
        using var small = Open(1);
        using var spare = Open(33);
        var slot = 2L * fixture.Model.Description.LayerCount * fixture.Model.Description.KeyValueSize * sizeof(float);
        using var cache = new KvCache.KeyValueCache(fixture.Model.Description, CacheLayout.Streaming(Sinks, Window, 1, 0), KeyValuePrecision.Single);

        Assert.Equal((Sinks + Window) * slot, cache.ByteLength);
        Assert.True(spare.ByteLength - small.ByteLength >= CachedAttention.CapacityAlignment * slot);
    }

    [Fact]
    public void A_limit_holds_for_streams_too()
    {
        using var session = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = 50, WindowSize = 10, SinkTokenCount = 2 });
        session.Prefill(TinyModelFixture.Tokens(50), CancellationToken.None);

        Assert.Throws<Core.Errors.ContextLengthException>(() => session.Decode(1));
        using var roomy = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = 20, WindowSize = 1000, SinkTokenCount = 2, ChunkSize = 20 });
        using var linear = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { ContextLength = 20, ChunkSize = 20 });
        Assert.Equal(linear.ByteLength, roomy.ByteLength);
    }

    [Theory]
    [InlineData(4, 0, 0, 128)]
    [InlineData(4, -5, 0, 128)]
    [InlineData(-1, 64, 0, 128)]
    [InlineData(4, 64, -1, 128)]
    [InlineData(4, 64, 0, 0)]
    [InlineData(4, 3, 0, 128)]
    [InlineData(4, 11, 8, 128)]
    [InlineData(4, 2045, 0, 128)]
    [InlineData(int.MaxValue, int.MaxValue, int.MaxValue, 128)]
    public void Sizes_that_cannot_be_or_do_not_fit_together_are_refused(int sinks, int window, int rollback, int chunk) =>
        Assert.ThrowsAny<ArgumentException>(() => new DecoderSession(
            fixture.Model, fixture.Pool, new DecoderSessionOptions { SinkTokenCount = sinks, WindowSize = window, RollbackTokens = rollback, ChunkSize = chunk }));

    [Fact]
    public void Sinks_need_a_window_and_the_largest_window_fits()
    {
        Assert.Throws<ArgumentException>(() => new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { SinkTokenCount = 4 }));
        using var session = new DecoderSession(fixture.Model, fixture.Pool, new DecoderSessionOptions { SinkTokenCount = 4, WindowSize = fixture.Model.Description.ContextLength - 4 });
        session.Decode(1);
        Assert.Equal(1, session.Position);
    }

    private DecoderSession Open(int chunk, int sinks = Sinks, int window = Window, int rollback = 0, ArithmeticPrecision precision = ArithmeticPrecision.Served, WorkerPool? pool = null) =>
        new(fixture.Model, pool ?? fixture.Pool, new DecoderSessionOptions { ChunkSize = chunk, SinkTokenCount = sinks, WindowSize = window, RollbackTokens = rollback, Precision = precision });

    private static float[][] Logits(DecoderSession session, int[] ids)
    {
        using (session)
        {
            var rows = new float[ids.Length][];
            session.Feed(ids, (index, logits) => rows[index] = logits.ToArray(), null, CancellationToken.None);
            return rows;
        }
    }
}

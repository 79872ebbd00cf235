using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

/// <summary>
/// The kernel against the definition of attention sinks: the visible tokens' keys, unrotated, are rotated by their place among the visible ones, the query by its own place, which is the last.
/// </summary>
public sealed unsafe class CachedAttentionTests
{
    private const float Base = 10_000f;

    /// <summary>The kernel sums in single precision and rotates at positions of the stream; the definition sums in double and rotates at places.</summary>
    private const float Tolerance = 2e-5f;

    [Theory]
    [InlineData(0, 1000, 16, 2, 2)]
    [InlineData(0, 20, 8, 3, 1)]
    [InlineData(4, 28, 16, 4, 2)]
    [InlineData(4, 60, 64, 3, 3)]
    [InlineData(1, 1, 8, 1, 1)]
    [InlineData(40, 41, 24, 2, 1)]
    public void Attention_agrees_with_the_definition_in_chunks_of_any_size_to_the_bit(int sinks, int window, int headDimension, int heads, int keyValueHeads)
    {
        var stream = new Stream(150, heads, keyValueHeads, headDimension);
        var expected = stream.Define(sinks, window);
        float[]? first = null;
        foreach (var (chunk, rollback, threads) in new[] { (1, 0, 1), (1, 9, 2), (3, 1, 2), (7, 3, 1), (64, 0, 2), (150, 0, 2) })
        {
            var actual = stream.Run(sinks, window, chunk, rollback, threads);
            first ??= actual;
            Assert.Equal(first, actual);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.True(MathF.Abs(expected[i] - actual[i]) <= Tolerance, $"chunks of {chunk}, element {i}: {actual[i]}, expected {expected[i]}");
            }
        }
    }

    [Theory]
    [InlineData(4, 28, 16, 4, 2)]
    [InlineData(4, 60, 64, 3, 3)]
    public void Half_precision_loses_what_rounding_keys_and_values_loses_and_nothing_else(int sinks, int window, int headDimension, int heads, int keyValueHeads)
    {
        var stream = new Stream(150, heads, keyValueHeads, headDimension);
        var half = stream.Run(sinks, window, 7, 0, 2, KeyValuePrecision.Half);

        Assert.Equal(stream.Run(sinks, window, 7, 0, 2, KeyValuePrecision.Single, roundTo: KeyValuePrecision.Half), half);
        Assert.Equal(stream.Run(sinks, window, 1, 3, 1, KeyValuePrecision.Half), half);
        Assert.NotEqual(stream.Run(sinks, window, 7, 0, 2), half);
    }

    [Theory]
    [InlineData(4, 28, 16, 4, 2)]
    [InlineData(4, 60, 64, 3, 3)]
    [InlineData(0, 1000, 40, 3, 1)]
    public void Eight_bits_lose_what_rounding_keys_and_values_loses_and_nothing_else(int sinks, int window, int headDimension, int heads, int keyValueHeads)
    {
        var stream = new Stream(150, heads, keyValueHeads, headDimension);
        var eight = stream.Run(sinks, window, 7, 0, 2, KeyValuePrecision.EightBits);
        var rounded = stream.Run(sinks, window, 7, 0, 2, roundTo: KeyValuePrecision.EightBits);

        Assert.All(eight.Zip(rounded), pair => Assert.True(MathF.Abs(pair.First - pair.Second) <= Tolerance, $"{pair.First}, expected {pair.Second}"));
        Assert.Equal(eight, stream.Run(sinks, window, 1, 3, 1, KeyValuePrecision.EightBits));
        Assert.Equal(eight, stream.Run(sinks, window, 64, 0, 2, KeyValuePrecision.EightBits));
        Assert.Contains(eight.Zip(stream.Run(sinks, window, 7, 0, 2)), pair => MathF.Abs(pair.First - pair.Second) > 10 * Tolerance);
    }

    [Theory]
    [InlineData(0, 1000)]
    [InlineData(4, 300)]
    public void Chunks_of_positions_divided_among_threads_give_the_same_bits(int sinks, int window)
    {
        var stream = new Stream(400, heads: 6, keyValueHeads: 3, headDimension: 16);
        var alone = stream.Run(sinks, window, chunk: 1, rollback: 0, threads: 1);

        // Tiles of two tokens and of one, more and fewer than threads, across the ends of chunks.
        foreach (var (chunk, threads) in new[] { (1, 2), (1, 5), (2, 2), (3, 4), (5, 4), (64, 2), (127, 5) })
        {
            Assert.Equal(alone, stream.Run(sinks, window, chunk, rollback: 0, threads));
        }
    }

    [Fact]
    public void A_chunk_that_would_overwrite_what_its_first_token_sees_is_refused()
    {
        var layout = CacheLayout.Streaming(4, 29, chunkSize: 1, rollbackTokens: 0);
        using var pool = new WorkerPool(1);
        var room = layout.RingSize - 28;

        Assert.Throws<ArgumentOutOfRangeException>(() => CachedAttention.Run(pool, null, null, null, null, null, room + 1, 100, layout, KeyValuePrecision.Single, 1, 1, 8));
    }

    /// <summary>Random queries, keys and values of a stream, unrotated.</summary>
    private sealed class Stream
    {
        private readonly int _length;
        private readonly int _heads;
        private readonly int _keyValueHeads;
        private readonly int _size;
        private readonly float[] _queries;
        private readonly float[] _keys;
        private readonly float[] _values;

        public Stream(int length, int heads, int keyValueHeads, int headDimension)
        {
            (_length, _heads, _keyValueHeads, _size) = (length, heads, keyValueHeads, headDimension);
            var random = new Random(length + heads + headDimension);
            float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => (4 * random.NextSingle()) - 2)];
            _queries = Values(length * heads * headDimension);
            _keys = Values(length * keyValueHeads * headDimension);
            _values = Values(length * keyValueHeads * headDimension);
        }

        /// <summary>The definition, one token and head at a time.</summary>
        public float[] Define(int sinks, int window)
        {
            using var table = new RotaryTable(_size, _size, Base, [], _length);
            var output = new float[_queries.Length];
            for (var position = 0; position < _length; position++)
            {
                var visible = Enumerable.Range(0, position + 1).Where(other => other < sinks || other > position - window).ToArray();
                for (var head = 0; head < _heads; head++)
                {
                    var group = head / (_heads / _keyValueHeads);
                    var query = _queries.AsSpan(((position * _heads) + head) * _size, _size).ToArray();
                    var keys = visible.SelectMany(other => Row(_keys, other, group)).ToArray();
                    fixed (float* q = query, k = keys)
                    {
                        table.Apply(q, 1, visible.Length - 1);
                        for (var place = 0; place < visible.Length; place++)
                        {
                            table.Apply(k + (place * _size), 1, place);
                        }
                    }

                    var values = visible.SelectMany(other => Row(_values, other, group)).ToArray();
                    CachedAttention.Scalar(query, keys, values, visible.Length, output.AsSpan(((position * _heads) + head) * _size, _size));
                }
            }

            return output;
        }

        /// <summary>The kernel over a cache that is filled a chunk at a time.</summary>
        public float[] Run(int sinks, int window, int chunk, int rollback, int threads, KeyValuePrecision precision = KeyValuePrecision.Single, KeyValuePrecision? roundTo = null)
        {
            var layout = CacheLayout.Streaming(sinks, window, chunk, rollback);
            using var pool = new WorkerPool(threads);
            using var table = new RotaryTable(_size, _size, Base, [], Math.Max(_length, layout.VisibleTokens));
            var keys = new byte[_keyValueHeads * CachedAttention.KeyBytes(layout.Capacity, _size, precision)];
            var values = new byte[_keyValueHeads * CachedAttention.ValueBytes(layout.Capacity, _size, precision)];
            var output = new float[_queries.Length];
            for (var first = 0; first < _length; first += chunk)
            {
                var count = Math.Min(chunk, _length - first);
                var queries = _queries.AsSpan(first * _heads * _size, count * _heads * _size).ToArray();
                var sinkQueries = queries.ToArray();
                fixed (byte* k = keys, v = values)
                fixed (float* q = queries, s = sinkQueries, o = output)
                {
                    for (var t = 0; t < count; t++)
                    {
                        table.Apply(q + (t * _heads * _size), _heads, first + t);
                        table.Apply(s + (t * _heads * _size), _heads, layout.VisibleTokens - 1);
                        var key = Token(_keys, first + t);
                        var value = Token(_values, first + t);
                        fixed (float* newKey = key, newValue = value)
                        {
                            table.Apply(newKey, _keyValueHeads, first + t);
                            for (var head = 0; head < _keyValueHeads && roundTo is { } coarse; head++)
                            {
                                for (var d = 0; d < _size; d += CachedAttention.ColumnsPerKeyScale)
                                {
                                    Round(key.AsSpan((head * _size) + d, Math.Min(CachedAttention.ColumnsPerKeyScale, _size - d)), coarse);
                                }

                                Round(value.AsSpan(head * _size, _size), coarse);
                            }

                            CachedAttention.Store(newKey, newValue, k, v, first + t, layout, precision, _keyValueHeads, _size);
                        }
                    }

                    CachedAttention.Run(pool, q, s, k, v, o + (first * _heads * _size), count, first, layout, precision, _heads, _keyValueHeads, _size);
                }
            }

            return output;
        }

        private static void Round(Span<float> values, KeyValuePrecision precision)
        {
            var largest = 0f;
            foreach (var value in values)
            {
                largest = MathF.Max(largest, MathF.Abs(value));
            }

            foreach (ref var value in values)
            {
                value = precision == KeyValuePrecision.Half ? (float)(Half)value : MathF.Round(value * (127 / largest)) * (largest / 127);
            }
        }

        private float[] Token(float[] source, int position) => source.AsSpan(position * _keyValueHeads * _size, _keyValueHeads * _size).ToArray();

        private float[] Row(float[] source, int position, int group) => source.AsSpan(((position * _keyValueHeads) + group) * _size, _size).ToArray();
    }
}

using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>
/// Causal attention of new tokens over cached keys and values, <c>softmax(q K^T / sqrt(headDim)) V</c> (arXiv 1706.03762), with query heads sharing key and value heads (arXiv 2305.13245).
/// </summary>
/// <remarks>
/// Keys of a head lie in blocks of eight positions, <c>[position / 8, headDim, 8]</c>, so that a vector holds eight scores and no sum runs across lanes; values lie as <c>[position, headDim]</c>.
/// In 8 bits eight scales of the keys and eight of the values follow each block of keys: a key's scale multiplies its score and a value's its weight, so neither costs anything an element.
/// What a token sees is divided, oldest first, into chunks of 128; each has its own maximum and sums in the order of the positions, wherever their slots are, and the chunks' parts are added in
/// order (arXiv 1805.02867). So an output depends neither on how many tokens are computed together, nor on how large the cache is, nor on the number of threads.
/// </remarks>
public static unsafe partial class CachedAttention
{
    /// <summary>Positions in a block of keys.</summary>
    public const int PositionsPerBlock = 8;

    /// <summary>Positions that are scored together; a cache's capacity is a multiple of it.</summary>
    public const int CapacityAlignment = 4 * PositionsPerBlock;

    /// <summary>Columns of a key that share a scale, where there are scales: some columns are always large, and would take the others' bits.</summary>
    internal const int ColumnsPerKeyScale = 16;

    /// <summary>From this many positions on the work of a few tiles is worth being divided by chunks.</summary>
    private const int PositionsWorthSharing = 192;

    /// <summary>How many bytes the keys of one head take, scales included.</summary>
    /// <param name="capacity">The slots of the cache.</param>
    /// <param name="headDimension">The size of a head.</param>
    /// <param name="precision">The format.</param>
    /// <returns>Bytes.</returns>
    public static long KeyBytes(int capacity, int headDimension, KeyValuePrecision precision) =>
        ValueBytes(capacity, headDimension, precision) + (precision == KeyValuePrecision.EightBits ? (long)capacity / PositionsPerBlock * ScaleBytesPerBlock(headDimension) : 0);

    /// <summary>How many bytes the values of one head take.</summary>
    /// <param name="capacity">The slots of the cache.</param>
    /// <param name="headDimension">The size of a head.</param>
    /// <param name="precision">The format.</param>
    /// <returns>Bytes.</returns>
    public static long ValueBytes(int capacity, int headDimension, KeyValuePrecision precision) => (long)capacity * headDimension * precision switch
    {
        KeyValuePrecision.Single => SingleElement.Size,
        KeyValuePrecision.Half => HalfElement.Size,
        _ => ByteElement.Size,
    };

    /// <summary>Attends from each new token to those that the layout lets it see.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="queries">Queries rotated at their positions <c>[tokens, heads, headDim]</c>.</param>
    /// <param name="sinkQueries">The same queries rotated at their place in the cache, <c>sinks + window - 1</c>, as the sinks see them, for the tokens that no longer see all before them; null without sinks.</param>
    /// <param name="keys">The layer's keys, rotated at their positions, <c>[keyValueHeads, capacity / 8, headDim, 8]</c>, the new tokens' included, in <paramref name="precision"/>.</param>
    /// <param name="values">The layer's values <c>[keyValueHeads, capacity, headDim]</c>, the new tokens' included, in <paramref name="precision"/>.</param>
    /// <param name="output">The result <c>[tokens, heads, headDim]</c>.</param>
    /// <param name="tokens">How many new tokens there are.</param>
    /// <param name="firstPosition">The position of the first new token in the stream.</param>
    /// <param name="layout">Where the tokens lie.</param>
    /// <param name="precision">The format of keys and values.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="keyValueHeads">Key and value heads.</param>
    /// <param name="headDimension">The size of a head, a multiple of eight.</param>
    /// <remarks>
    /// A rotated query and a rotated key score by the distance of their positions alone, so what lies in the cache is never rotated again when tokens before it are dropped: within the window
    /// distances are those of the stream; to the sinks they are those of the places, which is why the query comes in two rotations.
    /// </remarks>
    public static void Run(
        WorkerPool pool,
        float* queries,
        float* sinkQueries,
        byte* keys,
        byte* values,
        float* output,
        int tokens,
        int firstPosition,
        in CacheLayout layout,
        KeyValuePrecision precision,
        int heads,
        int keyValueHeads,
        int headDimension)
    {
        // The first token's oldest must not have been overwritten by the last.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, layout.RingSize - Math.Min(firstPosition, layout.WindowSize - 1));
        switch (precision)
        {
            case KeyValuePrecision.Single:
                Run<SingleElement>(pool, queries, sinkQueries, keys, values, output, tokens, firstPosition, layout, heads, keyValueHeads, headDimension);
                break;
            case KeyValuePrecision.Half:
                Run<HalfElement>(pool, queries, sinkQueries, keys, values, output, tokens, firstPosition, layout, heads, keyValueHeads, headDimension);
                break;
            default:
                Run<ByteElement>(pool, queries, sinkQueries, keys, values, output, tokens, firstPosition, layout, heads, keyValueHeads, headDimension);
                break;
        }
    }

    /// <summary>Puts the key and value of one token into its slot.</summary>
    /// <param name="key">The rotated key <c>[keyValueHeads, headDim]</c>.</param>
    /// <param name="value">The value <c>[keyValueHeads, headDim]</c>.</param>
    /// <param name="keys">The layer's keys, as <see cref="Run"/> takes them.</param>
    /// <param name="values">The layer's values.</param>
    /// <param name="position">The token's position in the stream.</param>
    /// <param name="layout">Where the tokens lie.</param>
    /// <param name="precision">The format of keys and values.</param>
    /// <param name="keyValueHeads">Key and value heads.</param>
    /// <param name="headDimension">The size of a head, a multiple of eight.</param>
    public static void Store(float* key, float* value, byte* keys, byte* values, int position, in CacheLayout layout, KeyValuePrecision precision, int keyValueHeads, int headDimension)
    {
        switch (precision)
        {
            case KeyValuePrecision.Single:
                Store<SingleElement, float>(key, value, keys, values, position, layout, keyValueHeads, headDimension);
                break;
            case KeyValuePrecision.Half:
                Store<HalfElement, ushort>(key, value, keys, values, position, layout, keyValueHeads, headDimension);
                break;
            default:
                Store<ByteElement, sbyte>(key, value, keys, values, position, layout, keyValueHeads, headDimension);
                break;
        }
    }

    private static void Run<TElement>(
        WorkerPool pool, float* queries, float* sinkQueries, byte* keys, byte* values, float* output, int tokens, int firstPosition, in CacheLayout layout, int heads, int keyValueHeads, int headDimension)
        where TElement : struct, ICacheElement
    {
        var work = new Work<TElement>
        {
            Queries = queries,
            SinkQueries = sinkQueries,
            Keys = keys,
            Values = values,
            Output = output,
            Tokens = tokens,
            FirstPosition = firstPosition,
            Layout = layout,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDimension = headDimension,
        };
        var tiles = work.TileCount;
        var areEven = tokens > 1 && tiles % pool.ThreadCount == 0;
        if (areEven || tiles >= 4 * pool.ThreadCount || firstPosition < PositionsWorthSharing || pool.ThreadCount == 1)
        {
            pool.Run(ref work, tiles);
            return;
        }

        // A few tiles do not divide evenly among the threads, but their chunks do. The parts, and so the bits, are the same. A thread takes several chunks in a row, so that the keys asked for behind a chunk are its own.
        work.Shared = KernelScratch.Floats(tiles * work.FloatsPerTile);
        pool.RunGuided(ref work, tiles * work.ChunkCount(firstPosition + tokens - 1));
        work.Finish(tiles);
    }

    private static void Store<TElement, TBits>(float* key, float* value, byte* keys, byte* values, int position, in CacheLayout layout, int keyValueHeads, int headDimension)
        where TElement : struct, ICacheElement
        where TBits : unmanaged
    {
        var slot = layout.SlotOf(position);
        var lane = slot % PositionsPerBlock;
        var bits = stackalloc TBits[PositionsPerBlock];
        var scaled = stackalloc float[PositionsPerBlock];
        var blockBytes = BlockBytes<TElement>(headDimension);
        for (var head = 0; head < keyValueHeads; head++, key += headDimension, value += headDimension)
        {
            var block = keys + ((((long)head * layout.Capacity) + slot) / PositionsPerBlock * blockBytes);
            var row = values + ((((long)head * layout.Capacity) + slot) * headDimension * TElement.Size);
            var scale = (float*)(block + ((long)headDimension * PositionsPerBlock * TElement.Size)) + lane;
            var keyFactor = 1f;
            var valueFactor = 1f;
            if (TElement.IsScaled)
            {
                (scale[KeyScales(headDimension) * PositionsPerBlock], valueFactor) = ScaleOf(value, headDimension);
            }

            for (var d = 0; d < headDimension; d += PositionsPerBlock)
            {
                if (TElement.IsScaled && d % ColumnsPerKeyScale == 0)
                {
                    (scale[d / ColumnsPerKeyScale * PositionsPerBlock], keyFactor) = ScaleOf(key + d, Math.Min(ColumnsPerKeyScale, headDimension - d));
                }

                (Vector256.Load(key + d) * Vector256.Create(keyFactor)).Store(scaled);
                TElement.Store(scaled, (byte*)bits);
                for (var i = 0; i < PositionsPerBlock; i++)
                {
                    ((TBits*)block)[((d + i) * PositionsPerBlock) + lane] = bits[i];
                }

                (Vector256.Load(value + d) * Vector256.Create(valueFactor)).Store(scaled);
                TElement.Store(scaled, row + (d * TElement.Size));
            }
        }
    }

    /// <summary>What an integer stands for, <c>max|x| / 127</c>, and what to multiply with to get integers.</summary>
    private static (float Scale, float Factor) ScaleOf(float* x, int count)
    {
        var largest = Magnitudes.Largest(x, count);
        return (largest / ByteElement.Steps, largest > 0f ? ByteElement.Steps / largest : 0f);
    }

    /// <summary>Bytes of a block of eight keys of one head.</summary>
    private static long BlockBytes<TElement>(int headDimension)
        where TElement : struct, ICacheElement => ((long)headDimension * PositionsPerBlock * TElement.Size) + (TElement.IsScaled ? ScaleBytesPerBlock(headDimension) : 0);

    /// <summary>Bytes of the scales behind a block of keys, <c>[key scales, 8]</c> and then the values' <c>[8]</c>.</summary>
    private static long ScaleBytesPerBlock(int headDimension) => (KeyScales(headDimension) + 1L) * PositionsPerBlock * sizeof(float);

    /// <summary>How many scales a key has.</summary>
    private static int KeyScales(int headDimension) => (headDimension + ColumnsPerKeyScale - 1) / ColumnsPerKeyScale;

    /// <summary>The definition, for one query head over plain rows of keys and values.</summary>
    internal static void Scalar(ReadOnlySpan<float> query, ReadOnlySpan<float> keys, ReadOnlySpan<float> values, int positions, Span<float> output)
    {
        var size = query.Length;
        var weights = new double[positions];
        for (var p = 0; p < positions; p++)
        {
            for (var d = 0; d < size; d++)
            {
                weights[p] += query[d] * (double)keys[(p * size) + d] / Math.Sqrt(size);
            }
        }

        var largest = weights.Max();
        var sum = weights.Sum(w => Math.Exp(w - largest));
        for (var d = 0; d < size; d++)
        {
            var value = 0d;
            for (var p = 0; p < positions; p++)
            {
                value += Math.Exp(weights[p] - largest) / sum * values[(p * size) + d];
            }

            output[d] = (float)value;
        }
    }
}

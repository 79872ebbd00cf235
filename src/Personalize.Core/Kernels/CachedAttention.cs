using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>
/// Causal attention of new tokens over cached keys and values, <c>softmax(q K^T / sqrt(headDim)) V</c> (arXiv 1706.03762), with query heads sharing key and value heads (arXiv 2305.13245).
/// </summary>
/// <remarks>
/// Keys of a head lie in blocks of eight positions, <c>[position / 8, headDim, 8]</c>, so that a vector holds eight scores and no sum runs across lanes; values lie as <c>[position, headDim]</c>.
/// Every sum runs in the order of the positions, wherever their slots are, so an output depends neither on how many tokens are computed together, nor on how large the cache is, nor on the
/// number of threads.
/// </remarks>
public static unsafe class CachedAttention
{
    /// <summary>Positions in a block of keys.</summary>
    public const int PositionsPerBlock = 8;

    /// <summary>Positions that are scored together; a cache's capacity is a multiple of it.</summary>
    public const int CapacityAlignment = 4 * PositionsPerBlock;

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
        if (precision == KeyValuePrecision.Half)
        {
            Run<HalfElement>(pool, queries, sinkQueries, keys, values, output, tokens, firstPosition, layout, heads, keyValueHeads, headDimension);
        }
        else
        {
            Run<SingleElement>(pool, queries, sinkQueries, keys, values, output, tokens, firstPosition, layout, heads, keyValueHeads, headDimension);
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
        if (precision == KeyValuePrecision.Half)
        {
            Store<HalfElement, ushort>(key, value, keys, values, position, layout, keyValueHeads, headDimension);
        }
        else
        {
            Store<SingleElement, float>(key, value, keys, values, position, layout, keyValueHeads, headDimension);
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
            FirstPosition = firstPosition,
            Layout = layout,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDimension = headDimension,
        };
        pool.Run(ref work, tokens * keyValueHeads);
    }

    private static void Store<TElement, TBits>(float* key, float* value, byte* keys, byte* values, int position, in CacheLayout layout, int keyValueHeads, int headDimension)
        where TElement : struct, ICacheElement
        where TBits : unmanaged
    {
        var slot = layout.SlotOf(position);
        var bits = stackalloc TBits[PositionsPerBlock];
        for (var head = 0; head < keyValueHeads; head++)
        {
            var first = (long)head * layout.Capacity * headDimension;
            var column = (TBits*)keys + first + ((long)(slot - (slot % PositionsPerBlock)) * headDimension) + (slot % PositionsPerBlock);
            var row = (TBits*)values + first + ((long)slot * headDimension);
            for (var d = 0; d < headDimension; d += PositionsPerBlock, key += PositionsPerBlock, value += PositionsPerBlock)
            {
                TElement.Store(key, (byte*)bits);
                for (var i = 0; i < PositionsPerBlock; i++)
                {
                    column[(d + i) * PositionsPerBlock] = bits[i];
                }

                TElement.Store(value, (byte*)(row + d));
            }
        }
    }

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

    private struct Work<TElement> : IParallelWork
        where TElement : struct, ICacheElement
    {
        public float* Queries;
        public float* SinkQueries;
        public byte* Keys;
        public byte* Values;
        public float* Output;
        public int FirstPosition;
        public CacheLayout Layout;
        public int Heads;
        public int KeyValueHeads;
        public int HeadDimension;

        public readonly void Execute(int start, int end)
        {
            // Scores of a head, behind them its query with the format's scale.
            var stride = Layout.Capacity + CapacityAlignment;
            var scores = KernelScratch.Floats(stride + HeadDimension);
            var query = scores + stride;
            var perGroup = Heads / KeyValueHeads;
            var runs = stackalloc SlotRun[SlotRun.Most];
            for (var unit = start; unit < end; unit++)
            {
                var token = unit / KeyValueHeads;
                var group = unit % KeyValueHeads;
                var position = FirstPosition + token;
                var runCount = SlotRun.Visible(Layout, position, runs);
                var positions = Math.Min(position + 1, Layout.VisibleTokens);
                var keys = Keys + ((long)group * Layout.Capacity * HeadDimension * TElement.Size);
                var values = Values + ((long)group * Layout.Capacity * HeadDimension * TElement.Size);
                for (var h = 0; h < perGroup; h++)
                {
                    var at = (((long)token * Heads) + (group * perGroup) + h) * HeadDimension;
                    var place = scores;
                    for (var run = 0; run < runCount; run++)
                    {
                        Scale((runs[run].AreSinks ? SinkQueries : Queries) + at, query);
                        ScoreRun(query, keys, runs[run].First, runs[run].Count, place);
                        place += runs[run].Count;
                    }

                    var scale = Softmax(scores, positions);
                    Mix(scores, values, runs, runCount, scale, Output + at);
                }
            }
        }

        private readonly void Scale(float* query, float* scaled)
        {
            for (var d = 0; d < HeadDimension; d += 8)
            {
                (Vector256.Load(query + d) * TElement.Scale).Store(scaled + d);
            }
        }

        /// <summary>Scores a run of slots that need not start at a whole group; up to <see cref="CapacityAlignment"/> - 1 scores behind the run are overwritten.</summary>
        private readonly void ScoreRun(float* query, byte* keys, int first, int count, float* scores)
        {
            var skipped = first % CapacityAlignment;
            keys += (long)(first - skipped) * HeadDimension * TElement.Size;
            if (skipped > 0)
            {
                // The scores before the run belong to the one before it, so the first group passes through a buffer of its own.
                var taken = Math.Min(count, CapacityAlignment - skipped);
                var whole = stackalloc float[CapacityAlignment];
                Score(query, keys, CapacityAlignment, whole);
                new ReadOnlySpan<float>(whole + skipped, taken).CopyTo(new Span<float>(scores, taken));
                keys += (long)CapacityAlignment * HeadDimension * TElement.Size;
                scores += taken;
                count -= taken;
            }

            Score(query, keys, count, scores);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Score(float* query, byte* keys, int positions, float* scores)
        {
            var block = (long)HeadDimension * PositionsPerBlock * TElement.Size;
            var factor = Vector256.Create(1f / MathF.Sqrt(HeadDimension));
            for (var p = 0; p < positions; p += CapacityAlignment, keys += 4 * block, scores += CapacityAlignment)
            {
                var s0 = Vector256<float>.Zero;
                var s1 = s0;
                var s2 = s0;
                var s3 = s0;
                var key = keys;
                for (var d = 0; d < HeadDimension; d++, key += PositionsPerBlock * TElement.Size)
                {
                    var q = Vector256.Create(query[d]);
                    s0 = Vector256.FusedMultiplyAdd(q, TElement.Load(key), s0);
                    s1 = Vector256.FusedMultiplyAdd(q, TElement.Load(key + block), s1);
                    s2 = Vector256.FusedMultiplyAdd(q, TElement.Load(key + (2 * block)), s2);
                    s3 = Vector256.FusedMultiplyAdd(q, TElement.Load(key + (3 * block)), s3);
                }

                (s0 * factor).Store(scores);
                (s1 * factor).Store(scores + 8);
                (s2 * factor).Store(scores + 16);
                (s3 * factor).Store(scores + 24);
            }
        }

        /// <summary>Replaces scores by exponentials relative to the largest and returns the reciprocal of their sum.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Softmax(float* scores, int positions)
        {
            var padded = (positions + PositionsPerBlock - 1) / PositionsPerBlock * PositionsPerBlock;
            for (var p = positions; p < padded; p++)
            {
                scores[p] = float.NegativeInfinity;
            }

            var max = Vector256.Load(scores);
            for (var p = 8; p < padded; p += 8)
            {
                max = Vector256.Max(max, Vector256.Load(scores + p));
            }

            var largest = max[0];
            for (var lane = 1; lane < 8; lane++)
            {
                largest = MathF.Max(largest, max[lane]);
            }

            var shift = Vector256.Create(largest);
            var sum = Vector256<float>.Zero;
            for (var p = 0; p < padded; p += 8)
            {
                var weight = Vector256.Exp(Vector256.Load(scores + p) - shift);
                (weight * TElement.Scale).Store(scores + p);
                sum += weight;
            }

            return 1f / Vector256.Sum(sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Mix(float* scores, byte* values, SlotRun* runs, int runCount, float scale, float* output)
        {
            var row = (long)HeadDimension * TElement.Size;
            var d = 0;
            for (; d + 32 <= HeadDimension; d += 32)
            {
                var o0 = Vector256<float>.Zero;
                var o1 = o0;
                var o2 = o0;
                var o3 = o0;
                var weights = scores;
                for (var run = 0; run < runCount; run++)
                {
                    var value = values + ((((long)runs[run].First * HeadDimension) + d) * TElement.Size);
                    for (var end = weights + runs[run].Count; weights < end; weights++, value += row)
                    {
                        var weight = Vector256.Create(*weights);
                        o0 = Vector256.FusedMultiplyAdd(weight, TElement.Load(value), o0);
                        o1 = Vector256.FusedMultiplyAdd(weight, TElement.Load(value + (8 * TElement.Size)), o1);
                        o2 = Vector256.FusedMultiplyAdd(weight, TElement.Load(value + (16 * TElement.Size)), o2);
                        o3 = Vector256.FusedMultiplyAdd(weight, TElement.Load(value + (24 * TElement.Size)), o3);
                    }
                }

                (o0 * scale).Store(output + d);
                (o1 * scale).Store(output + d + 8);
                (o2 * scale).Store(output + d + 16);
                (o3 * scale).Store(output + d + 24);
            }

            for (; d < HeadDimension; d += 8)
            {
                var sum = Vector256<float>.Zero;
                var weights = scores;
                for (var run = 0; run < runCount; run++)
                {
                    var value = values + ((((long)runs[run].First * HeadDimension) + d) * TElement.Size);
                    for (var end = weights + runs[run].Count; weights < end; weights++, value += row)
                    {
                        sum = Vector256.FusedMultiplyAdd(Vector256.Create(*weights), TElement.Load(value), sum);
                    }
                }

                (sum * scale).Store(output + d);
            }
        }
    }
}

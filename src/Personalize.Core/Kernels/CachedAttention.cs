using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>
/// Causal attention of new tokens over cached keys and values, <c>softmax(q K^T / sqrt(headDim)) V</c> (arXiv 1706.03762), with query heads sharing key and value heads (arXiv 2305.13245).
/// </summary>
/// <remarks>
/// Keys of a head lie in blocks of eight positions, <c>[position / 8, headDim, 8]</c>, so that a vector holds eight scores and no sum runs across lanes; values lie as <c>[position, headDim]</c>.
/// Every sum runs in the order of the positions, so an output depends neither on how many tokens are computed together nor on the number of threads.
/// </remarks>
public static unsafe class CachedAttention
{
    /// <summary>Positions in a block of keys.</summary>
    public const int PositionsPerBlock = 8;

    /// <summary>Positions that are scored together; a cache's capacity is a multiple of it.</summary>
    public const int CapacityAlignment = 4 * PositionsPerBlock;

    /// <summary>Attends from each new token to all positions up to its own.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="queries">Rotated queries <c>[tokens, heads, headDim]</c>.</param>
    /// <param name="keys">The layer's rotated keys <c>[keyValueHeads, capacity / 8, headDim, 8]</c>, the new tokens' included.</param>
    /// <param name="values">The layer's values <c>[keyValueHeads, capacity, headDim]</c>, the new tokens' included.</param>
    /// <param name="output">The result <c>[tokens, heads, headDim]</c>.</param>
    /// <param name="tokens">How many new tokens there are.</param>
    /// <param name="firstPosition">The position of the first new token.</param>
    /// <param name="capacity">The positions a head's keys and values have room for.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="keyValueHeads">Key and value heads.</param>
    /// <param name="headDimension">The size of a head, a multiple of eight.</param>
    public static void Run(WorkerPool pool, float* queries, float* keys, float* values, float* output, int tokens, int firstPosition, int capacity, int heads, int keyValueHeads, int headDimension)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(tokens, capacity - firstPosition);
        var work = new Work
        {
            Queries = queries,
            Keys = keys,
            Values = values,
            Output = output,
            FirstPosition = firstPosition,
            Capacity = capacity,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDimension = headDimension,
        };
        pool.Run(ref work, tokens * keyValueHeads);
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

    private struct Work : IParallelWork
    {
        public float* Queries;
        public float* Keys;
        public float* Values;
        public float* Output;
        public int FirstPosition;
        public int Capacity;
        public int Heads;
        public int KeyValueHeads;
        public int HeadDimension;

        public readonly void Execute(int start, int end)
        {
            var scores = KernelScratch.Floats(Capacity);
            var perGroup = Heads / KeyValueHeads;
            for (var unit = start; unit < end; unit++)
            {
                var token = unit / KeyValueHeads;
                var group = unit % KeyValueHeads;
                var positions = FirstPosition + token + 1;
                var keys = Keys + ((long)group * Capacity * HeadDimension);
                var values = Values + ((long)group * Capacity * HeadDimension);
                for (var h = 0; h < perGroup; h++)
                {
                    var at = (((long)token * Heads) + (group * perGroup) + h) * HeadDimension;
                    Score(Queries + at, keys, positions, scores);
                    var scale = Softmax(scores, positions);
                    Mix(scores, values, positions, scale, Output + at);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Score(float* query, float* keys, int positions, float* scores)
        {
            var block = (long)HeadDimension * PositionsPerBlock;
            var factor = Vector256.Create(1f / MathF.Sqrt(HeadDimension));
            for (var p = 0; p < positions; p += CapacityAlignment, keys += 4 * block, scores += CapacityAlignment)
            {
                var s0 = Vector256<float>.Zero;
                var s1 = s0;
                var s2 = s0;
                var s3 = s0;
                var key = keys;
                for (var d = 0; d < HeadDimension; d++, key += PositionsPerBlock)
                {
                    var q = Vector256.Create(query[d]);
                    s0 = Vector256.FusedMultiplyAdd(q, Vector256.Load(key), s0);
                    s1 = Vector256.FusedMultiplyAdd(q, Vector256.Load(key + block), s1);
                    s2 = Vector256.FusedMultiplyAdd(q, Vector256.Load(key + (2 * block)), s2);
                    s3 = Vector256.FusedMultiplyAdd(q, Vector256.Load(key + (3 * block)), s3);
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
                weight.Store(scores + p);
                sum += weight;
            }

            return 1f / Vector256.Sum(sum);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Mix(float* weights, float* values, int positions, float scale, float* output)
        {
            var d = 0;
            for (; d + 32 <= HeadDimension; d += 32)
            {
                var o0 = Vector256<float>.Zero;
                var o1 = o0;
                var o2 = o0;
                var o3 = o0;
                var value = values + d;
                for (var p = 0; p < positions; p++, value += HeadDimension)
                {
                    var weight = Vector256.Create(weights[p]);
                    o0 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value), o0);
                    o1 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value + 8), o1);
                    o2 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value + 16), o2);
                    o3 = Vector256.FusedMultiplyAdd(weight, Vector256.Load(value + 24), o3);
                }

                (o0 * scale).Store(output + d);
                (o1 * scale).Store(output + d + 8);
                (o2 * scale).Store(output + d + 16);
                (o3 * scale).Store(output + d + 24);
            }

            for (; d < HeadDimension; d += 8)
            {
                var sum = Vector256<float>.Zero;
                for (var p = 0; p < positions; p++)
                {
                    sum = Vector256.FusedMultiplyAdd(Vector256.Create(weights[p]), Vector256.Load(values + ((long)p * HeadDimension) + d), sum);
                }

                (sum * scale).Store(output + d);
            }
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>The two products on 512-bit vectors, for four to six rows: what is loaded and widened serves twice as many as 256-bit vectors have registers for.</content>
public static unsafe partial class CachedAttention
{
    private partial struct Work<TElement>
    {
        /// <summary><see cref="Score"/> with 16 positions in a vector; the same sums.</summary>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly void ScoreAvx512<TTile>(float* query, byte* keys, byte* values, int groups, float* scores, int stride)
            where TTile : struct, ITile
        {
            var size = HeadDimension;
            var block = BlockBytes<TElement>(size);
            var factor = Vector512.Create(1f / MathF.Sqrt(size));
            var q1 = query + size;
            var q2 = q1 + size;
            var q3 = q2 + size;
            var q4 = q3 + size;
            var q5 = q4 + size;
            for (var group = 0; group < groups; group++, keys += 4 * block, scores += CapacityAlignment)
            {
                var a0 = Vector512<float>.Zero;
                var a1 = a0;
                var b0 = a0;
                var b1 = a0;
                var c0 = a0;
                var c1 = a0;
                var d0 = a0;
                var d1 = a0;
                var e0 = a0;
                var e1 = a0;
                var f0 = a0;
                var f1 = a0;
                var key = keys;
                var next = keys + (4 * block);
                var scales = keys + ((long)size * PositionsPerBlock * TElement.Size);
                for (var d = 0; d < size; d++, key += PositionsPerBlock * TElement.Size, next += 4 * PositionsPerBlock * TElement.Size, values += 4 * PositionsPerBlock * TElement.Size)
                {
                    Prefetch.Line(next);
                    Prefetch.Line(values);
                    var scale = scales + (d / ColumnsPerKeyScale * PositionsPerBlock * sizeof(float));
                    var x = LoadKeys(key, scale, block);
                    var z = LoadKeys(key + (2 * block), scale + (2 * block), block);
                    FusedAdd(x, z, query[d], ref a0, ref a1);
                    FusedAdd(x, z, q1[d], ref b0, ref b1);
                    FusedAdd(x, z, q2[d], ref c0, ref c1);
                    FusedAdd(x, z, q3[d], ref d0, ref d1);

                    if (TTile.Count > 4)
                    {
                        FusedAdd(x, z, q4[d], ref e0, ref e1);
                    }

                    if (TTile.Count > 5)
                    {
                        FusedAdd(x, z, q5[d], ref f0, ref f1);
                    }
                }

                StoreRows<TTile>(scores, stride, a0 * factor, a1 * factor, b0 * factor, b1 * factor, c0 * factor, c1 * factor, d0 * factor, d1 * factor, e0 * factor, e1 * factor, f0 * factor, f1 * factor);
            }
        }

        /// <summary><see cref="Mix"/> with 16 columns in a vector; the same sums.</summary>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly void MixAvx512<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, float* weights, float* mixed)
            where TTile : struct, ITile
        {
            var a0 = Vector512<float>.Zero;
            var a1 = a0;
            var b0 = a0;
            var b1 = a0;
            var c0 = a0;
            var c1 = a0;
            var d0 = a0;
            var d1 = a0;
            var e0 = a0;
            var e1 = a0;
            var f0 = a0;
            var f1 = a0;
            var row = (long)HeadDimension * TElement.Size;
            var place = 0;
            for (var run = 0; run < runCount; place += runs[run].Count, run++)
            {
                var from = Math.Max(first, place);
                var to = Math.Min(end, place + runs[run].Count);
                var value = tile.Values + ((((long)(runs[run].First + (from - place)) * HeadDimension) + column) * TElement.Size);
                var weight = weights + (from - first);
                for (var p = from; p < to; p++, weight++, value += row)
                {
                    Prefetch.Line(value + (RowsAhead * row));
                    var x = TElement.LoadSixteen(value);
                    var z = TElement.LoadSixteen(value + (16 * TElement.Size));
                    FusedAdd(x, z, weight[0], ref a0, ref a1);
                    FusedAdd(x, z, weight[PositionsPerChunk], ref b0, ref b1);
                    FusedAdd(x, z, weight[2 * PositionsPerChunk], ref c0, ref c1);
                    FusedAdd(x, z, weight[3 * PositionsPerChunk], ref d0, ref d1);

                    if (TTile.Count > 4)
                    {
                        FusedAdd(x, z, weight[4 * PositionsPerChunk], ref e0, ref e1);
                    }

                    if (TTile.Count > 5)
                    {
                        FusedAdd(x, z, weight[5 * PositionsPerChunk], ref f0, ref f1);
                    }
                }
            }

            StoreRows<TTile>(mixed, HeadDimension, a0, a1, b0, b1, c0, c1, d0, d1, e0, e1, f0, f1);
        }

        /// <summary>A column of sixteen keys of two blocks, times the scales of its columns.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector512<float> LoadKeys(byte* key, byte* scale, long block) =>
            TElement.IsScaled ? TElement.LoadSixteen(key, key + block) * SingleElement.LoadSixteen(scale, scale + block) : TElement.LoadSixteen(key, key + block);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void FusedAdd(Vector512<float> x, Vector512<float> z, float factor, ref Vector512<float> a0, ref Vector512<float> a1)
        {
            var q = Vector512.Create(factor);
            a0 = Vector512.FusedMultiplyAdd(x, q, a0);
            a1 = Vector512.FusedMultiplyAdd(z, q, a1);
        }

        /// <summary>32 numbers of each row.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreRows<TTile>(
            float* target,
            int stride,
            Vector512<float> a0,
            Vector512<float> a1,
            Vector512<float> b0,
            Vector512<float> b1,
            Vector512<float> c0,
            Vector512<float> c1,
            Vector512<float> d0,
            Vector512<float> d1,
            Vector512<float> e0,
            Vector512<float> e1,
            Vector512<float> f0,
            Vector512<float> f1)
            where TTile : struct, ITile
        {
            StoreRow(target, a0, a1);
            StoreRow(target + stride, b0, b1);
            StoreRow(target + (2 * stride), c0, c1);
            StoreRow(target + (3 * stride), d0, d1);

            if (TTile.Count > 4)
            {
                StoreRow(target + (4 * stride), e0, e1);
            }

            if (TTile.Count > 5)
            {
                StoreRow(target + (5 * stride), f0, f1);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreRow(float* target, Vector512<float> v0, Vector512<float> v1)
        {
            v0.Store(target);
            v1.Store(target + 16);
        }
    }
}

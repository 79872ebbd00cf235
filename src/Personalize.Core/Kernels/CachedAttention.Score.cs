using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>From queries and keys to exponentials, a chunk of positions at a time.</content>
public static unsafe partial class CachedAttention
{
    private partial struct Work<TElement>
    {
        /// <summary>Exponentials of a chunk's scores relative to its largest, which is kept with their sum: the weights of its values, <c>[rows, 128]</c>.</summary>
        [SkipLocalsInit]
        private readonly void ScoreChunk<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int chunk, float* weights)
            where TTile : struct, ITile
        {
            var first = chunk * PositionsPerChunk;
            var count = Math.Min(PositionsPerChunk, Math.Min(tile.Position + 1, Layout.VisibleTokens) - first);
            var query = stackalloc float[MostRows * HeadDimension];

            // Groups are scored whole, so a chunk has room of its own before its scores go to their places.
            var scores = stackalloc float[MostRows * (PositionsPerChunk + (2 * CapacityAlignment))];
            var valueScales = stackalloc float[TElement.IsScaled ? PositionsPerChunk + PositionsPerBlock : 0];
            var place = 0;
            var done = 0;
            for (var run = 0; run < runCount; place += runs[run].Count, run++)
            {
                var from = Math.Max(first + done, place);
                var taken = Math.Min(first + count, place + runs[run].Count) - from;
                if (taken > 0)
                {
                    ScaleQueries(tile, runs[run].AreSinks ? SinkQueries : Queries, query, TTile.Count);
                    ScoreRun<TTile>(query, tile, runs[run].First + (from - place), taken, scores, weights + done);
                    if (TElement.IsScaled)
                    {
                        CopyValueScales(tile.Keys, runs[run].First + (from - place), taken, valueScales + done);
                    }

                    done += taken;
                }
            }

            for (var row = 0; row < TTile.Count; row++)
            {
                // What only later tokens of the tile see weighs nothing.
                var seen = Math.Min(count, tile.Position + 1 - tile.Before(row) - first);
                var exponentials = weights + (row * PositionsPerChunk);
                Exponentiate(exponentials, valueScales, seen, out tile.Maxima(chunk)[row], out tile.Sums(chunk)[row]);
                new Span<float>(exponentials + seen, count - seen).Clear();
            }
        }

        private readonly void ScaleQueries(in HeadTile tile, float* queries, float* scaled, int rows)
        {
            var factor = Vector256.Create(TElement.Scale);
            for (var row = 0; row < rows; row++, scaled += HeadDimension)
            {
                var query = queries + tile.Offset(row);
                for (var d = 0; d < HeadDimension; d += 8)
                {
                    (Vector256.Load(query + d) * factor).Store(scaled + d);
                }
            }
        }

        /// <summary>Scores a run of slots that need not start at a whole group.</summary>
        private readonly void ScoreRun<TTile>(float* query, in HeadTile tile, int first, int count, float* whole, float* scores)
            where TTile : struct, ITile
        {
            var stride = PositionsPerChunk + (2 * CapacityAlignment);
            var skipped = first % CapacityAlignment;
            var groups = (skipped + count + CapacityAlignment - 1) / CapacityAlignment;
            var keys = tile.Keys + ((long)(first - skipped) / PositionsPerBlock * BlockBytes<TElement>(HeadDimension));
            var values = tile.Values + ((long)(first - skipped) * HeadDimension * TElement.Size);
            if (TTile.Count > FewRows)
            {
                ScoreAvx512<TTile>(query, keys, values, groups, whole, stride);
            }
            else
            {
                Score<TTile>(query, keys, values, groups, whole, stride);
            }

            for (var row = 0; row < TTile.Count; row++)
            {
                new ReadOnlySpan<float>(whole + (row * stride) + skipped, count).CopyTo(new Span<float>(scores + (row * PositionsPerChunk), count));
            }
        }

        /// <summary>The scales of the values in a run of slots, which lie behind the keys.</summary>
        private readonly void CopyValueScales(byte* keys, int first, int count, float* scales)
        {
            var block = BlockBytes<TElement>(HeadDimension);
            for (var done = 0; done < count;)
            {
                var lane = (first + done) % PositionsPerBlock;
                var taken = Math.Min(PositionsPerBlock - lane, count - done);
                var from = (float*)(keys + ((((first + done) / PositionsPerBlock) + 1) * block)) - PositionsPerBlock + lane;
                new ReadOnlySpan<float>(from, taken).CopyTo(new Span<float>(scales + done, taken));
                done += taken;
            }
        }

        /// <summary><c>q k / sqrt(headDim)</c> for groups of 32 positions and up to three rows, each sum in the order of the columns. The positions' values, which come next, are asked for in passing.</summary>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly void Score<TTile>(float* query, byte* keys, byte* values, int groups, float* scores, int stride)
            where TTile : struct, ITile
        {
            var size = HeadDimension;
            var block = BlockBytes<TElement>(size);
            var factor = Vector256.Create(1f / MathF.Sqrt(size));
            for (var group = 0; group < groups; group++, keys += 4 * block, scores += CapacityAlignment)
            {
                var a0 = Vector256<float>.Zero;
                var a1 = a0;
                var a2 = a0;
                var a3 = a0;
                var b0 = a0;
                var b1 = a0;
                var b2 = a0;
                var b3 = a0;
                var c0 = a0;
                var c1 = a0;
                var c2 = a0;
                var c3 = a0;
                var key = keys;
                var next = keys + (4 * block);
                var scales = keys + ((long)size * PositionsPerBlock * TElement.Size);
                for (var d = 0; d < size; d++, key += PositionsPerBlock * TElement.Size, next += 4 * PositionsPerBlock * TElement.Size, values += 4 * PositionsPerBlock * TElement.Size)
                {
                    Prefetch.Line(next);
                    Prefetch.Line(values);
                    var q = Vector256.Create(query[d]);
                    var r = TTile.Count > 1 ? Vector256.Create(query[size + d]) : q;
                    var s = TTile.Count > 2 ? Vector256.Create(query[(2 * size) + d]) : q;
                    var scale = scales + (d / ColumnsPerKeyScale * PositionsPerBlock * sizeof(float));
                    FusedAdd<TTile>(LoadKey(key, scale), q, r, s, ref a0, ref b0, ref c0);
                    FusedAdd<TTile>(LoadKey(key + block, scale + block), q, r, s, ref a1, ref b1, ref c1);
                    FusedAdd<TTile>(LoadKey(key + (2 * block), scale + (2 * block)), q, r, s, ref a2, ref b2, ref c2);
                    FusedAdd<TTile>(LoadKey(key + (3 * block), scale + (3 * block)), q, r, s, ref a3, ref b3, ref c3);
                }

                StoreFour(scores, a0 * factor, a1 * factor, a2 * factor, a3 * factor);
                if (TTile.Count > 1)
                {
                    StoreFour(scores + stride, b0 * factor, b1 * factor, b2 * factor, b3 * factor);
                }

                if (TTile.Count > 2)
                {
                    StoreFour(scores + (2 * stride), c0 * factor, c1 * factor, c2 * factor, c3 * factor);
                }
            }
        }

        /// <summary>A column of eight keys, times the scales of its columns.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> LoadKey(byte* key, byte* scale) => TElement.IsScaled ? TElement.Load(key) * Vector256.Load((float*)scale) : TElement.Load(key);

        /// <summary>Turns scores, with room for whole vectors, into their exponentials relative to the largest, times the scales of the values.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Exponentiate(float* scores, float* valueScales, int count, out float largest, out float sum)
        {
            var padded = (count + 7) / 8 * 8;
            new Span<float>(scores + count, padded - count).Fill(float.NegativeInfinity);
            largest = Largest(scores, padded);
            var total = Vector256<float>.Zero;
            var at = 0;
            for (; InstructionSets.HasAvx512 && at <= padded - 16; at += 16)
            {
                var weights = VectorExp.Exp(Vector512.Load(scores + at) - Vector512.Create(largest));
                (weights * (TElement.IsScaled ? Vector512.Load(valueScales + at) : Vector512.Create(TElement.Scale))).Store(scores + at);
                total += weights.GetLower();
                total += weights.GetUpper();
            }

            for (; at < padded; at += 8)
            {
                var weights = VectorExp.Exp(Vector256.Load(scores + at) - Vector256.Create(largest));
                (weights * (TElement.IsScaled ? Vector256.Load(valueScales + at) : Vector256.Create(TElement.Scale))).Store(scores + at);
                total += weights;
            }

            sum = Vector256.Sum(total);
        }

        /// <summary>The largest of whole vectors of scores; one that is not a number is left to its exponential, which is none either.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float Largest(float* scores, int count)
        {
            var max = Vector256.Load(scores);
            for (var at = 8; at < count; at += 8)
            {
                max = Vector256.MaxNative(max, Vector256.Load(scores + at));
            }

            var four = Vector128.MaxNative(max.GetLower(), max.GetUpper());
            return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>From exponentials and values to a chunk's weighted sums, a part of the columns at a time.</content>
public static unsafe partial class CachedAttention
{
    /// <summary>How many positions ahead values are asked for: a cache is read once a token and lies in memory, not near the processor.</summary>
    private const int RowsAhead = 16;

    private partial struct Work<TElement>
    {
        /// <summary>A chunk's weighted sums of values.</summary>
        private readonly void MixChunk<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int chunk, float* weights)
            where TTile : struct, ITile
        {
            var first = chunk * PositionsPerChunk;
            var end = Math.Min(Math.Min(tile.Position + 1, Layout.VisibleTokens), first + PositionsPerChunk);
            var mixed = tile.Mixed(chunk);
            for (var column = 0; column < HeadDimension; column += ColumnsPerPart)
            {
                if (column + ColumnsPerPart > HeadDimension)
                {
                    MixFew<TTile>(tile, runs, runCount, first, end, column, weights, mixed + column);
                }
                else if (TTile.Count > FewRows)
                {
                    MixAvx512<TTile>(tile, runs, runCount, first, end, column, weights, mixed + column);
                }
                else
                {
                    Mix<TTile>(tile, runs, runCount, first, end, column, weights, mixed + column);
                }
            }
        }

        /// <summary>The weighted values of a chunk, each sum in the order of the positions, for up to three rows.</summary>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly void Mix<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, float* weights, float* mixed)
            where TTile : struct, ITile
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
                    var q = Vector256.Create(weight[0]);
                    var r = TTile.Count > 1 ? Vector256.Create(weight[PositionsPerChunk]) : q;
                    var s = TTile.Count > 2 ? Vector256.Create(weight[2 * PositionsPerChunk]) : q;
                    FusedAdd<TTile>(TElement.Load(value), q, r, s, ref a0, ref b0, ref c0);
                    FusedAdd<TTile>(TElement.Load(value + (8 * TElement.Size)), q, r, s, ref a1, ref b1, ref c1);
                    FusedAdd<TTile>(TElement.Load(value + (16 * TElement.Size)), q, r, s, ref a2, ref b2, ref c2);
                    FusedAdd<TTile>(TElement.Load(value + (24 * TElement.Size)), q, r, s, ref a3, ref b3, ref c3);
                }
            }

            StoreFour(mixed, a0, a1, a2, a3);
            if (TTile.Count > 1)
            {
                StoreFour(mixed + HeadDimension, b0, b1, b2, b3);
            }

            if (TTile.Count > 2)
            {
                StoreFour(mixed + (2 * HeadDimension), c0, c1, c2, c3);
            }
        }

        /// <summary><see cref="Mix"/> for the columns that do not fill a part, eight at a time.</summary>
        private readonly void MixFew<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, float* weights, float* mixed)
            where TTile : struct, ITile
        {
            for (var row = 0; row < TTile.Count; row++)
            {
                for (var c = 0; column + c < HeadDimension; c += 8)
                {
                    var sum = Vector256<float>.Zero;
                    var place = 0;
                    for (var run = 0; run < runCount; place += runs[run].Count, run++)
                    {
                        for (var p = Math.Max(first, place); p < Math.Min(end, place + runs[run].Count); p++)
                        {
                            var value = tile.Values + ((((long)(runs[run].First + (p - place)) * HeadDimension) + column + c) * TElement.Size);
                            sum = Vector256.FusedMultiplyAdd(TElement.Load(value), Vector256.Create(weights[(row * PositionsPerChunk) + p - first]), sum);
                        }
                    }

                    sum.Store(mixed + (row * HeadDimension) + c);
                }
            }
        }
    }
}

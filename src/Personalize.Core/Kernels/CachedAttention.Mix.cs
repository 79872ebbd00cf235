using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <content>From exponentials and values to outputs, a part of the columns at a time.</content>
public static unsafe partial class CachedAttention
{
    /// <summary>How many positions ahead values are asked for: a cache is read once a token and lies in memory, not near the processor.</summary>
    private const int RowsAhead = 16;

    private partial struct Work<TElement>
    {
        /// <summary>Up to 32 columns of the tile's outputs: each chunk's weighted values, times what the chunk counts.</summary>
        [SkipLocalsInit]
        private readonly void MixColumns<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int column)
            where TTile : struct, ITile
        {
            var chunks = ChunkCount(tile.Position);
            var positions = Math.Min(tile.Position + 1, Layout.VisibleTokens);
            var shares = stackalloc float[MostRows];
            var mixed = stackalloc float[MostRows * ColumnsPerPart];
            var columns = Math.Min(ColumnsPerPart, HeadDimension - column);
            var largest = stackalloc float[MostRows];
            var total = stackalloc float[MostRows];
            for (var row = 0; row < TTile.Count; row++)
            {
                CombineChunks(tile, row, chunks, out largest[row], out total[row]);
            }

            for (var chunk = 0; chunk < chunks; chunk++)
            {
                var first = chunk * PositionsPerChunk;
                var end = Math.Min(positions, first + PositionsPerChunk);
                for (var row = 0; row < TTile.Count; row++)
                {
                    shares[row] = VectorExp.Exp(tile.Maxima[(row * MostChunks) + chunk] - largest[row]) / total[row];
                }

                if (columns == ColumnsPerPart && TTile.Count > 3)
                {
                    MixAvx512<TTile>(tile, runs, runCount, first, end, column, mixed);
                }
                else if (columns == ColumnsPerPart)
                {
                    Mix<TTile>(tile, runs, runCount, first, end, column, mixed);
                }
                else
                {
                    MixFew<TTile>(tile, runs, runCount, first, end, column, columns, mixed);
                }

                for (var row = 0; row < TTile.Count; row++)
                {
                    var output = Output + tile.Offset(row) + column;
                    for (var c = 0; c < columns; c += 8)
                    {
                        var before = chunk == 0 ? Vector256<float>.Zero : Vector256.Load(output + c);
                        Vector256.FusedMultiplyAdd(Vector256.Create(shares[row]), Vector256.Load(mixed + (row * ColumnsPerPart) + c), before).Store(output + c);
                    }
                }
            }
        }

        private readonly void CombineChunks(in HeadTile tile, int row, int chunks, out float largest, out float total)
        {
            var maxima = tile.Maxima + (row * MostChunks);
            largest = maxima[0];
            for (var chunk = 1; chunk < chunks; chunk++)
            {
                largest = MathF.Max(largest, maxima[chunk]);
            }

            total = 0f;
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                total += VectorExp.Exp(maxima[chunk] - largest) * tile.Sums[(row * MostChunks) + chunk];
            }
        }

        /// <summary>The weighted values of a chunk, each sum in the order of the positions, for up to three rows.</summary>
        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        private readonly void Mix<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, float* mixed)
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
            var stride = tile.Stride;
            var place = 0;
            for (var run = 0; run < runCount; place += runs[run].Count, run++)
            {
                var from = Math.Max(first, place);
                var to = Math.Min(end, place + runs[run].Count);
                var value = tile.Values + ((((long)(runs[run].First + (from - place)) * HeadDimension) + column) * TElement.Size);
                var weights = tile.Scores + from;
                for (var p = from; p < to; p++, weights++, value += row)
                {
                    Prefetch.Line(value + (RowsAhead * row));
                    var q = Vector256.Create(weights[0]);
                    var r = TTile.Count > 1 ? Vector256.Create(weights[stride]) : q;
                    var s = TTile.Count > 2 ? Vector256.Create(weights[2 * stride]) : q;
                    FusedAdd<TTile>(TElement.Load(value), q, r, s, ref a0, ref b0, ref c0);
                    FusedAdd<TTile>(TElement.Load(value + (8 * TElement.Size)), q, r, s, ref a1, ref b1, ref c1);
                    FusedAdd<TTile>(TElement.Load(value + (16 * TElement.Size)), q, r, s, ref a2, ref b2, ref c2);
                    FusedAdd<TTile>(TElement.Load(value + (24 * TElement.Size)), q, r, s, ref a3, ref b3, ref c3);
                }
            }

            StoreFour(mixed, a0, a1, a2, a3);
            if (TTile.Count > 1)
            {
                StoreFour(mixed + ColumnsPerPart, b0, b1, b2, b3);
            }

            if (TTile.Count > 2)
            {
                StoreFour(mixed + (2 * ColumnsPerPart), c0, c1, c2, c3);
            }
        }

        /// <summary><see cref="Mix"/> for the columns that do not fill a part, eight at a time.</summary>
        private readonly void MixFew<TTile>(in HeadTile tile, SlotRun* runs, int runCount, int first, int end, int column, int columns, float* mixed)
            where TTile : struct, ITile
        {
            for (var row = 0; row < TTile.Count; row++)
            {
                for (var c = 0; c < columns; c += 8)
                {
                    var sum = Vector256<float>.Zero;
                    var place = 0;
                    for (var run = 0; run < runCount; place += runs[run].Count, run++)
                    {
                        for (var p = Math.Max(first, place); p < Math.Min(end, place + runs[run].Count); p++)
                        {
                            var value = tile.Values + ((((long)(runs[run].First + (p - place)) * HeadDimension) + column + c) * TElement.Size);
                            sum = Vector256.FusedMultiplyAdd(TElement.Load(value), Vector256.Create(tile.Scores[(row * tile.Stride) + p]), sum);
                        }
                    }

                    sum.Store(mixed + (row * ColumnsPerPart) + c);
                }
            }
        }
    }
}

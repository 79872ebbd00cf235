using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>A token alone: two groups of rows pass together, so that what belongs to the token is loaded once for sixteen rows and two sums are on their way at any time. The same integers and the same order of sums as everywhere.</content>
internal static unsafe partial class IntegerMatrixMultiply
{
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyOneToken<TFormat, TDot>(in RowRun run, in ActivationTile x)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
    {
        const int Pair = 2;
        var blockBytes = TFormat.HeaderBytes + (TFormat.VectorCount * 32);
        var stride = (long)run.Blocks * blockBytes;
        var w = run.Weights;
        var y = run.Output;
        var mask = Vector256.Create((byte)15);
        for (var groups = run.Groups; groups >= Pair; groups -= Pair, w += Pair * stride, y += Pair * PackedMatrix.RowsPerGroup)
        {
            var first = w;
            var second = w + stride;
            var (ahead, farAhead) = (run.Ahead, run.FarAhead);
            if (groups == Pair)
            {
                (ahead, farAhead) = farAhead == 0 ? (run.Next - first, 0) : (ahead, run.Next - first);
            }

            var y0 = Vector256<float>.Zero;
            var y1 = y0;
            var quants = x.Bytes;
            for (var at = 0; at < run.Blocks; at++, quants += PackedMatrix.ColumnsPerBlock, first += blockBytes, second += blockBytes)
            {
                PrefetchBlock<TFormat>(first + ahead, isFar: false);
                PrefetchBlock<TFormat>(second + ahead, isFar: false);
                if (farAhead != 0)
                {
                    PrefetchBlock<TFormat>(first + farAhead, isFar: true);
                    PrefetchBlock<TFormat>(second + farAhead, isFar: true);
                }

                PairProducts<TFormat, TDot>(first + TFormat.HeaderBytes, second + TFormat.HeaderBytes, quants, mask, out var d0, out var d1);
                y0 = AddBlock<TFormat, TDot>(HalfVectors.Widen(first), x.Scales[at], x.EightSums[at], d0, y0);
                y1 = AddBlock<TFormat, TDot>(HalfVectors.Widen(second), x.Scales[at], x.EightSums[at], d1, y1);
                if (TFormat.HasOffset)
                {
                    var sum = Vector256.Create(x.ScaledSums[at]);
                    y0 = Vector256.FusedMultiplyAdd(HalfVectors.Widen(first + 16), sum, y0);
                    y1 = Vector256.FusedMultiplyAdd(HalfVectors.Widen(second + 16), sum, y1);
                }
            }

            y0.Store(y);
            y1.Store(y + PackedMatrix.RowsPerGroup);
            if (x.OutlierCounts[0] > 0)
            {
                AddOutliersToPair<TFormat>(w, w + stride, x, y);
            }
        }

        if (run.Groups % Pair == 1)
        {
            var last = run;
            last.Weights = w;
            last.Groups = 1;
            last.Ahead = run.FarAhead == 0 ? run.Next - w : run.Ahead;
            last.Output = y;
            Multiply<TFormat, TDot, Tiles.One>(last, x);
        }
    }

    /// <summary><see cref="AddOutliers"/> for two groups and a token: where an outlier stands is worked out once, and two sums are on their way.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void AddOutliersToPair<TFormat>(byte* first, byte* second, in ActivationTile x, float* y)
        where TFormat : struct, IBlockFormat
    {
        var (y0, y1) = (Vector256.Load(y), Vector256.Load(y + PackedMatrix.RowsPerGroup));
        var outlier = x.Outliers;
        for (var end = outlier + x.OutlierCounts[0]; outlier < end; outlier++)
        {
            var (block, column) = Math.DivRem((uint)outlier->Column, PackedMatrix.ColumnsPerBlock);
            var at = (long)block * (TFormat.HeaderBytes + (TFormat.VectorCount * 32));
            var value = Vector256.Create(outlier->Value);
            y0 = Vector256.FusedMultiplyAdd(ColumnOf<TFormat>(first + at, column), value, y0);
            y1 = Vector256.FusedMultiplyAdd(ColumnOf<TFormat>(second + at, column), value, y1);
        }

        y0.Store(y);
        y1.Store(y + PackedMatrix.RowsPerGroup);
    }

    /// <summary>The integer products of a block of each of two groups with a token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PairProducts<TFormat, TDot>(byte* first, byte* second, sbyte* x, Vector256<byte> mask, out Vector256<int> d0, out Vector256<int> d1)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
    {
        if (TFormat.VectorCount == 8)
        {
            d0 = Vector256<int>.Zero;
            d1 = d0;
            BytePair<TDot>(first, second, 0, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 1, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 2, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 3, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 4, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 5, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 6, x, ref d0, ref d1);
            BytePair<TDot>(first, second, 7, x, ref d0, ref d1);
            return;
        }

        var (q0, q1) = (Vector256.Load(first), Vector256.Load(second));
        var (low, high) = (Bytes(x, 0, 0), Bytes(x, 0, 4));
        d0 = TDot.Multiply(q0 & mask, low);
        d1 = TDot.Multiply(q1 & mask, low);
        if (TDot.IsChained)
        {
            // Sums of 32 bits have room for nibbles where they stand, at 16 times their value: one shift a sum in place of one a vector.
            var e0 = TDot.Multiply(Vector256.AndNot(q0, mask), high);
            var e1 = TDot.Multiply(Vector256.AndNot(q1, mask), high);
            NibblePair<TDot>(first, second, 1, x, mask, ref d0, ref d1, ref e0, ref e1);
            NibblePair<TDot>(first, second, 2, x, mask, ref d0, ref d1, ref e0, ref e1);
            NibblePair<TDot>(first, second, 3, x, mask, ref d0, ref d1, ref e0, ref e1);
            d0 += e0 >> 4;
            d1 += e1 >> 4;
        }
        else
        {
            d0 = TDot.MultiplyAdd(d0, (q0.AsUInt16() >>> 4).AsByte() & mask, high);
            d1 = TDot.MultiplyAdd(d1, (q1.AsUInt16() >>> 4).AsByte() & mask, high);
            NibblePair<TDot>(first, second, 1, x, mask, ref d0, ref d1, ref d0, ref d1);
            NibblePair<TDot>(first, second, 2, x, mask, ref d0, ref d1, ref d0, ref d1);
            NibblePair<TDot>(first, second, 3, x, mask, ref d0, ref d1, ref d0, ref d1);
        }

        d0 = TDot.Total(d0);
        d1 = TDot.Total(d1);
    }

    /// <summary>A vector of nibbles of each group; high ones are summed in e, where products are chained at 16 times their value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NibblePair<TDot>(
        byte* first, byte* second, int vector, sbyte* x, Vector256<byte> mask, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> e0, ref Vector256<int> e1)
        where TDot : struct, IDotProduct
    {
        var (q0, q1) = (Vector256.Load(first + (vector * 32)), Vector256.Load(second + (vector * 32)));
        var (low, high) = (Bytes(x, 0, vector), Bytes(x, 0, vector + 4));
        d0 = TDot.MultiplyAdd(d0, q0 & mask, low);
        d1 = TDot.MultiplyAdd(d1, q1 & mask, low);
        e0 = TDot.MultiplyAdd(e0, TDot.IsChained ? Vector256.AndNot(q0, mask) : (q0.AsUInt16() >>> 4).AsByte() & mask, high);
        e1 = TDot.MultiplyAdd(e1, TDot.IsChained ? Vector256.AndNot(q1, mask) : (q1.AsUInt16() >>> 4).AsByte() & mask, high);
    }

    /// <summary>A vector of bytes of each group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void BytePair<TDot>(byte* first, byte* second, int vector, sbyte* x, ref Vector256<int> d0, ref Vector256<int> d1)
        where TDot : struct, IDotProduct
    {
        var (q0, q1) = (Vector256.Load((sbyte*)(first + (vector * 32))), Vector256.Load((sbyte*)(second + (vector * 32))));
        var bytes = Bytes(x, 0, vector);
        d0 = TDot.MultiplyAdd(d0, q0, TDot.Unsigned(q0), bytes);
        d1 = TDot.MultiplyAdd(d1, q1, TDot.Unsigned(q1), bytes);
    }
}

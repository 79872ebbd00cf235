using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>One token or two: two groups of rows pass together, so that what belongs to a token is loaded once for sixteen rows and two sums a token are on their way at any time. The same integers and the same order of sums as everywhere.</content>
internal static unsafe partial class IntegerMatrixMultiply
{
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyPairs<TFormat, TDot, TTile>(in RowRun run, in ActivationTile x)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
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
            if (groups == Pair && run.Next is not null)
            {
                (ahead, farAhead) = farAhead == 0 ? (run.Next - first, 0) : (ahead, run.Next - first);
            }

            var y0 = Vector256<float>.Zero;
            var y1 = y0;
            var z0 = y0;
            var z1 = y0;
            var quants = x.Bytes;
            for (int at = 0, end = run.Blocks * TTile.Count; at < end; at += TTile.Count, quants += TTile.Count * PackedMatrix.ColumnsPerBlock, first += blockBytes, second += blockBytes)
            {
                PrefetchBlock<TFormat>(first + ahead, isFar: false);
                PrefetchBlock<TFormat>(second + ahead, isFar: false);
                if (farAhead != 0)
                {
                    PrefetchBlock<TFormat>(first + farAhead, isFar: true);
                    PrefetchBlock<TFormat>(second + farAhead, isFar: true);
                }

                PairProducts<TFormat, TDot, TTile>(first + TFormat.HeaderBytes, second + TFormat.HeaderBytes, x, at, quants, mask, out var d0, out var d1, out var c0, out var c1);
                Accumulate<TFormat, TTile>(first, x, at, d0, c0, c0, c0, ref y0, ref z0, ref z0, ref z0);
                Accumulate<TFormat, TTile>(second, x, at, d1, c1, c1, c1, ref y1, ref z1, ref z1, ref z1);
            }

            Store<TTile>(y, run.OutputStride, run.Tokens, y0, z0, z0, z0);
            Store<TTile>(y + PackedMatrix.RowsPerGroup, run.OutputStride, run.Tokens, y1, z1, z1, z1);
            AddOutliers<TFormat, TTile, Tiles.Two>(w, stride, x, y, run.OutputStride);
        }

        if (run.Groups % Pair == 1)
        {
            var last = run;
            last.Weights = w;
            last.Groups = 1;
            last.Ahead = run.FarAhead == 0 && run.Next is not null ? run.Next - w : run.Ahead;
            last.Output = y;
            Multiply<TFormat, TDot, TTile>(last, x);
        }
    }

    /// <summary>The integer products of a block of each of two groups with the first token, d, and where there is one the second, c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PairProducts<TFormat, TDot, TTile>(byte* first, byte* second, in ActivationTile x, int at, sbyte* quants, Vector256<byte> mask, out Vector256<int> d0, out Vector256<int> d1, out Vector256<int> c0, out Vector256<int> c1)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var s = Start<TFormat, TDot>(x, at);
        var r = TTile.Count < 2 ? s : Start<TFormat, TDot>(x, at + 1);
        if (TFormat.VectorCount == 8)
        {
            (d0, d1, c0, c1) = (s, s, r, r);
            BytePair<TDot, TTile>(first, second, 0, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 1, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 2, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 3, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 4, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 5, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 6, quants, ref d0, ref d1, ref c0, ref c1);
            BytePair<TDot, TTile>(first, second, 7, quants, ref d0, ref d1, ref c0, ref c1);
            return;
        }

        var (q0, q1) = (Vector256.Load(first), Vector256.Load(second));
        d0 = TDot.Multiply(s, q0 & mask, Bytes(quants, 0, 0));
        d1 = TDot.Multiply(s, q1 & mask, Bytes(quants, 0, 0));
        c0 = TTile.Count < 2 ? d0 : TDot.Multiply(r, q0 & mask, Bytes(quants, 1, 0));
        c1 = TTile.Count < 2 ? d0 : TDot.Multiply(r, q1 & mask, Bytes(quants, 1, 0));
        if (TDot.SumsWide)
        {
            // Nibbles are multiplied where they stand, at 16 times their value: one shift a sum in place of one a vector.
            var (h0, h1) = (High<TDot>(q0, mask), High<TDot>(q1, mask));
            var e0 = TDot.Multiply(Vector256<int>.Zero, h0, Bytes(quants, 0, 4));
            var e1 = TDot.Multiply(Vector256<int>.Zero, h1, Bytes(quants, 0, 4));
            var f0 = TTile.Count < 2 ? e0 : TDot.Multiply(Vector256<int>.Zero, h0, Bytes(quants, 1, 4));
            var f1 = TTile.Count < 2 ? e0 : TDot.Multiply(Vector256<int>.Zero, h1, Bytes(quants, 1, 4));
            ThreeNibblePairs<TDot, TTile>(first, second, quants, mask, ref d0, ref d1, ref c0, ref c1, ref e0, ref e1, ref f0, ref f1);
            d0 += e0 >> 4;
            d1 += e1 >> 4;
            c0 += f0 >> 4;
            c1 += f1 >> 4;
        }
        else
        {
            AddPair<TDot, TTile>(High<TDot>(q0, mask), High<TDot>(q1, mask), quants, 4, ref d0, ref d1, ref c0, ref c1);
            ThreeNibblePairs<TDot, TTile>(first, second, quants, mask, ref d0, ref d1, ref c0, ref c1, ref d0, ref d1, ref c0, ref c1);
        }

        d0 = TDot.Total(s, d0);
        d1 = TDot.Total(s, d1);
        c0 = TDot.Total(r, c0);
        c1 = TDot.Total(r, c1);
    }

    /// <summary>The other three vectors of nibbles of each group; high ones are summed in e and f, where products are summed in 32 bits at 16 times their value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ThreeNibblePairs<TDot, TTile>(
        byte* first, byte* second, sbyte* x, Vector256<byte> mask, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> c0, ref Vector256<int> c1, ref Vector256<int> e0, ref Vector256<int> e1, ref Vector256<int> f0, ref Vector256<int> f1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        NibblePair<TDot, TTile>(first, second, 1, x, mask, ref d0, ref d1, ref c0, ref c1, ref e0, ref e1, ref f0, ref f1);
        NibblePair<TDot, TTile>(first, second, 2, x, mask, ref d0, ref d1, ref c0, ref c1, ref e0, ref e1, ref f0, ref f1);
        NibblePair<TDot, TTile>(first, second, 3, x, mask, ref d0, ref d1, ref c0, ref c1, ref e0, ref e1, ref f0, ref f1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NibblePair<TDot, TTile>(
        byte* first, byte* second, int vector, sbyte* x, Vector256<byte> mask, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> c0, ref Vector256<int> c1, ref Vector256<int> e0, ref Vector256<int> e1, ref Vector256<int> f0, ref Vector256<int> f1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var (q0, q1) = (Vector256.Load(first + (vector * 32)), Vector256.Load(second + (vector * 32)));
        AddPair<TDot, TTile>(q0 & mask, q1 & mask, x, vector, ref d0, ref d1, ref c0, ref c1);
        AddPair<TDot, TTile>(High<TDot>(q0, mask), High<TDot>(q1, mask), x, vector + 4, ref e0, ref e1, ref f0, ref f1);
    }

    /// <summary>A vector of nibbles of each group with four columns of each token.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPair<TDot, TTile>(Vector256<byte> n0, Vector256<byte> n1, sbyte* x, int four, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> c0, ref Vector256<int> c1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var bytes = Bytes(x, 0, four);
        d0 = TDot.MultiplyAdd(d0, n0, bytes);
        d1 = TDot.MultiplyAdd(d1, n1, bytes);
        if (TTile.Count == 2)
        {
            bytes = Bytes(x, 1, four);
            c0 = TDot.MultiplyAdd(c0, n0, bytes);
            c1 = TDot.MultiplyAdd(c1, n1, bytes);
        }
    }

    /// <summary>High nibbles: where products are summed in 32 bits as they stand, at 16 times their value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> High<TDot>(Vector256<byte> q, Vector256<byte> mask)
        where TDot : struct, IDotProduct => TDot.SumsWide ? Vector256.AndNot(q, mask) : (q.AsUInt16() >>> 4).AsByte() & mask;

    /// <summary>A vector of bytes of each group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void BytePair<TDot, TTile>(byte* first, byte* second, int vector, sbyte* x, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> c0, ref Vector256<int> c1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var (q0, q1) = (Vector256.Load((sbyte*)(first + (vector * 32))), Vector256.Load((sbyte*)(second + (vector * 32))));
        var (u0, u1) = (TDot.Unsigned(q0), TDot.Unsigned(q1));
        var bytes = Bytes(x, 0, vector);
        d0 = TDot.MultiplyAdd(d0, q0, u0, bytes);
        d1 = TDot.MultiplyAdd(d1, q1, u1, bytes);
        if (TTile.Count == 2)
        {
            bytes = Bytes(x, 1, vector);
            c0 = TDot.MultiplyAdd(c0, q0, u0, bytes);
            c1 = TDot.MultiplyAdd(c1, q1, u1, bytes);
        }
    }
}

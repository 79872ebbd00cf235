using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>One token or two, and four where there are 32 registers: two groups of rows pass together, so that what belongs to a token is loaded once for sixteen rows and two sums a token are on their way at any time. The same integers and the same order of sums as everywhere.</content>
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
            var (y1, y2, y3) = (y0, y0, y0);
            var (z0, z1, z2, z3) = (y0, y0, y0, y0);
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

                PairProducts<TFormat, TDot, TTile>(
                    first + TFormat.HeaderBytes, second + TFormat.HeaderBytes, x, at, quants, mask, out var a0, out var a1, out var a2, out var a3, out var b0, out var b1, out var b2, out var b3);
                Accumulate<TFormat, TTile>(first, x, at, a0, a1, a2, a3, ref y0, ref y1, ref y2, ref y3);
                Accumulate<TFormat, TTile>(second, x, at, b0, b1, b2, b3, ref z0, ref z1, ref z2, ref z3);
            }

            Store<TTile>(y, run.OutputStride, run.Tokens, y0, y1, y2, y3);
            Store<TTile>(y + PackedMatrix.RowsPerGroup, run.OutputStride, run.Tokens, z0, z1, z2, z3);
            AddOutliers<TFormat, TTile, Tiles.Two>(w, stride, x, y, run.OutputStride, run.Tokens);
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

    /// <summary>The integer products of a block of each of two groups with the tokens: a of the first group, b of the second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PairProducts<TFormat, TDot, TTile>(
        byte* first,
        byte* second,
        in ActivationTile x,
        int at,
        sbyte* quants,
        Vector256<byte> mask,
        out Vector256<int> a0,
        out Vector256<int> a1,
        out Vector256<int> a2,
        out Vector256<int> a3,
        out Vector256<int> b0,
        out Vector256<int> b1,
        out Vector256<int> b2,
        out Vector256<int> b3)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var s0 = Start<TFormat, TDot>(x, at);
        var s1 = TTile.Count < 2 ? s0 : Start<TFormat, TDot>(x, at + 1);
        var s2 = TTile.Count < 4 ? s0 : Start<TFormat, TDot>(x, at + 2);
        var s3 = TTile.Count < 4 ? s0 : Start<TFormat, TDot>(x, at + 3);
        if (TFormat.VectorCount == 8)
        {
            (a0, a1, a2, a3, b0, b1, b2, b3) = (s0, s1, s2, s3, s0, s1, s2, s3);
            BytePair<TDot, TTile>(first, second, 0, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 1, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 2, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 3, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 4, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 5, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 6, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            BytePair<TDot, TTile>(first, second, 7, quants, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            return;
        }

        (a0, a1, a2, a3) = (TDot.Begin(s0), TDot.Begin(s1), TDot.Begin(s2), TDot.Begin(s3));
        (b0, b1, b2, b3) = (a0, a1, a2, a3);
        if (TDot.SumsWide && TTile.Count < 4)
        {
            // High nibbles are multiplied where they stand and summed at 16 times their value: one shift a sum in place of one a vector.
            var c0 = Vector256<int>.Zero;
            var (c1, d0, d1) = (c0, c0, c0);
            NibblePairInPlace<TDot, TTile>(first, second, 0, quants, mask, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
            NibblePairInPlace<TDot, TTile>(first, second, 1, quants, mask, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
            NibblePairInPlace<TDot, TTile>(first, second, 2, quants, mask, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
            NibblePairInPlace<TDot, TTile>(first, second, 3, quants, mask, ref a0, ref a1, ref b0, ref b1, ref c0, ref c1, ref d0, ref d1);
            a0 += c0 >> 4;
            a1 += c1 >> 4;
            b0 += d0 >> 4;
            b1 += d1 >> 4;
        }
        else
        {
            NibblePair<TDot, TTile>(first, second, 0, quants, mask, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            NibblePair<TDot, TTile>(first, second, 1, quants, mask, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            NibblePair<TDot, TTile>(first, second, 2, quants, mask, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
            NibblePair<TDot, TTile>(first, second, 3, quants, mask, ref a0, ref a1, ref a2, ref a3, ref b0, ref b1, ref b2, ref b3);
        }

        (a0, a1, a2, a3) = (TDot.Total(s0, a0), TDot.Total(s1, a1), TDot.Total(s2, a2), TDot.Total(s3, a3));
        (b0, b1, b2, b3) = (TDot.Total(s0, b0), TDot.Total(s1, b1), TDot.Total(s2, b2), TDot.Total(s3, b3));
    }

    /// <summary>A vector of nibbles of each group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NibblePair<TDot, TTile>(
        byte* first,
        byte* second,
        int vector,
        sbyte* x,
        Vector256<byte> mask,
        ref Vector256<int> a0,
        ref Vector256<int> a1,
        ref Vector256<int> a2,
        ref Vector256<int> a3,
        ref Vector256<int> b0,
        ref Vector256<int> b1,
        ref Vector256<int> b2,
        ref Vector256<int> b3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var (q0, q1) = (Vector256.Load(first + (vector * 32)), Vector256.Load(second + (vector * 32)));
        AddNibbles<TDot, TTile>(q0 & mask, q1 & mask, x, vector, 0, ref a0, ref a1, ref b0, ref b1);
        if (TTile.Count == 4)
        {
            AddNibbles<TDot, TTile>(q0 & mask, q1 & mask, x, vector, 2, ref a2, ref a3, ref b2, ref b3);
        }

        q0 = (q0.AsUInt16() >>> 4).AsByte() & mask;
        q1 = (q1.AsUInt16() >>> 4).AsByte() & mask;
        AddNibbles<TDot, TTile>(q0, q1, x, vector + 4, 0, ref a0, ref a1, ref b0, ref b1);
        if (TTile.Count == 4)
        {
            AddNibbles<TDot, TTile>(q0, q1, x, vector + 4, 2, ref a2, ref a3, ref b2, ref b3);
        }
    }

    /// <summary>A vector of nibbles of each group with one token or two; the high ones, at 16 times their value, are summed in c and d.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NibblePairInPlace<TDot, TTile>(
        byte* first, byte* second, int vector, sbyte* x, Vector256<byte> mask, ref Vector256<int> a0, ref Vector256<int> a1, ref Vector256<int> b0, ref Vector256<int> b1, ref Vector256<int> c0, ref Vector256<int> c1, ref Vector256<int> d0, ref Vector256<int> d1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var (q0, q1) = (Vector256.Load(first + (vector * 32)), Vector256.Load(second + (vector * 32)));
        AddNibbles<TDot, TTile>(q0 & mask, q1 & mask, x, vector, 0, ref a0, ref a1, ref b0, ref b1);
        AddNibbles<TDot, TTile>(Vector256.AndNot(q0, mask), Vector256.AndNot(q1, mask), x, vector + 4, 0, ref c0, ref c1, ref d0, ref d1);
    }

    /// <summary>Nibbles of each group with four columns of a token and, where there is more than one, of the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddNibbles<TDot, TTile>(Vector256<byte> n0, Vector256<byte> n1, sbyte* x, int four, int token, ref Vector256<int> a0, ref Vector256<int> a1, ref Vector256<int> b0, ref Vector256<int> b1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var bytes = Bytes(x, token, four);
        a0 = TDot.MultiplyAdd(a0, n0, bytes);
        b0 = TDot.MultiplyAdd(b0, n1, bytes);
        if (TTile.Count >= 2)
        {
            bytes = Bytes(x, token + 1, four);
            a1 = TDot.MultiplyAdd(a1, n0, bytes);
            b1 = TDot.MultiplyAdd(b1, n1, bytes);
        }
    }

    /// <summary>A vector of bytes of each group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void BytePair<TDot, TTile>(
        byte* first,
        byte* second,
        int vector,
        sbyte* x,
        ref Vector256<int> a0,
        ref Vector256<int> a1,
        ref Vector256<int> a2,
        ref Vector256<int> a3,
        ref Vector256<int> b0,
        ref Vector256<int> b1,
        ref Vector256<int> b2,
        ref Vector256<int> b3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var (q0, q1) = (Vector256.Load((sbyte*)(first + (vector * 32))), Vector256.Load((sbyte*)(second + (vector * 32))));
        var (u0, u1) = (TDot.Unsigned(q0), TDot.Unsigned(q1));
        AddBytes<TDot, TTile>(q0, q1, u0, u1, x, vector, 0, ref a0, ref a1, ref b0, ref b1);
        if (TTile.Count == 4)
        {
            AddBytes<TDot, TTile>(q0, q1, u0, u1, x, vector, 2, ref a2, ref a3, ref b2, ref b3);
        }
    }

    /// <summary>Bytes of each group with four columns of a token and, where there is more than one, of the next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddBytes<TDot, TTile>(
        Vector256<sbyte> q0, Vector256<sbyte> q1, Vector256<byte> u0, Vector256<byte> u1, sbyte* x, int four, int token, ref Vector256<int> a0, ref Vector256<int> a1, ref Vector256<int> b0, ref Vector256<int> b1)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var bytes = Bytes(x, token, four);
        a0 = TDot.MultiplyAdd(a0, q0, u0, bytes);
        b0 = TDot.MultiplyAdd(b0, q1, u1, bytes);
        if (TTile.Count >= 2)
        {
            bytes = Bytes(x, token + 1, four);
            a1 = TDot.MultiplyAdd(a1, q0, u0, bytes);
            b1 = TDot.MultiplyAdd(b1, q1, u1, bytes);
        }
    }
}

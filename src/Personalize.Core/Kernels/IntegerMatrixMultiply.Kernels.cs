using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>
/// The fast form: a run of groups of eight rows times a tile of tokens. A lane belongs to a row, and 32 bits of activations, broadcast, meet the same columns of all eight.
/// The last pass over a run of weights asks for those that come next.
/// </content>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>4-bit weights, activations of 8 bits: all products of a block are summed in integers by the instruction that multiplies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow<TFormat, TDot, TTile>(in RowRun run, in ActivationTile x)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var w = run.Weights;
        var y = run.Output;
        var mask = Vector256.Create((byte)15);
        for (var group = 0; group < run.Groups; group++, y += PackedMatrix.RowsPerGroup)
        {
            var y0 = Vector256<float>.Zero;
            var y1 = y0;
            var y2 = y0;
            var y3 = y0;
            var quants = x.Bytes;
            var at = 0;
            for (var end = run.Blocks * TTile.Count; at < end; at += TTile.Count, quants += TTile.Count * PackedMatrix.ColumnsPerBlock, w += TFormat.HeaderBytes + 128)
            {
                PrefetchBlock(w + run.Ahead);
                var q = Vector256.Load(w + TFormat.HeaderBytes);
                var low = q & mask;
                var high = (q.AsUInt16() >>> 4).AsByte() & mask;
                var d0 = TDot.MultiplyAdd(TDot.Multiply(low, Bytes(quants, 0, 0)), high, Bytes(quants, 0, 4));
                var d1 = TTile.Count < 2 ? d0 : TDot.MultiplyAdd(TDot.Multiply(low, Bytes(quants, 1, 0)), high, Bytes(quants, 1, 4));
                var d2 = TTile.Count < 4 ? d0 : TDot.MultiplyAdd(TDot.Multiply(low, Bytes(quants, 2, 0)), high, Bytes(quants, 2, 4));
                var d3 = TTile.Count < 4 ? d0 : TDot.MultiplyAdd(TDot.Multiply(low, Bytes(quants, 3, 0)), high, Bytes(quants, 3, 4));
                NarrowStep<TDot, TTile>(w + TFormat.HeaderBytes, 1, quants, mask, ref d0, ref d1, ref d2, ref d3);
                NarrowStep<TDot, TTile>(w + TFormat.HeaderBytes, 2, quants, mask, ref d0, ref d1, ref d2, ref d3);
                NarrowStep<TDot, TTile>(w + TFormat.HeaderBytes, 3, quants, mask, ref d0, ref d1, ref d2, ref d3);
                d0 = TDot.Total(d0);
                d1 = TDot.Total(d1);
                d2 = TDot.Total(d2);
                d3 = TDot.Total(d3);
                Accumulate<TFormat, TTile>(w, x, at, d0, d1, d2, d3, ref y0, ref y1, ref y2, ref y3);
            }

            Store<TTile>(y, run.OutputStride, y0, y1, y2, y3);
        }
    }

    /// <summary>4- or 8-bit weights widened to 16 bits in registers, activations of 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide<TFormat, TDot, TTile>(in RowRun run, in ActivationTile x)
        where TFormat : struct, IBlockFormat
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var w = run.Weights;
        var y = run.Output;
        var mask = Vector256.Create((short)15);
        for (var group = 0; group < run.Groups; group++, y += PackedMatrix.RowsPerGroup)
        {
            var y0 = Vector256<float>.Zero;
            var y1 = y0;
            var y2 = y0;
            var y3 = y0;
            var quants = x.Shorts;
            var at = 0;
            for (var end = run.Blocks * TTile.Count; at < end; at += TTile.Count, quants += TTile.Count * PackedMatrix.ColumnsPerBlock, w += TFormat.HeaderBytes + (TFormat.VectorCount * 32))
            {
                PrefetchBlock(w + run.Ahead);
                var d0 = Vector256<int>.Zero;
                var d1 = d0;
                var d2 = d0;
                var d3 = d0;
                var values = w + TFormat.HeaderBytes;
                if (TFormat.VectorCount == 4)
                {
                    NibbleStep<TDot, TTile>(values, 0, quants, mask, ref d0, ref d1, ref d2, ref d3);
                    NibbleStep<TDot, TTile>(values, 1, quants, mask, ref d0, ref d1, ref d2, ref d3);
                    NibbleStep<TDot, TTile>(values, 2, quants, mask, ref d0, ref d1, ref d2, ref d3);
                    NibbleStep<TDot, TTile>(values, 3, quants, mask, ref d0, ref d1, ref d2, ref d3);
                }
                else
                {
                    PrefetchBlock(w + run.Ahead + 128);
                    ByteStep<TDot, TTile>(values, 0, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 1, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 2, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 3, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 4, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 5, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 6, quants, ref d0, ref d1, ref d2, ref d3);
                    ByteStep<TDot, TTile>(values, 7, quants, ref d0, ref d1, ref d2, ref d3);
                }

                Accumulate<TFormat, TTile>(w, x, at, d0, d1, d2, d3, ref y0, ref y1, ref y2, ref y3);
            }

            Store<TTile>(y, run.OutputStride, y0, y1, y2, y3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NarrowStep<TDot, TTile>(byte* values, int vector, sbyte* x, Vector256<byte> mask, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var q = Vector256.Load(values + (vector * 32));
        var low = q & mask;
        var high = (q.AsUInt16() >>> 4).AsByte() & mask;
        d0 = TDot.MultiplyAdd(TDot.MultiplyAdd(d0, low, Bytes(x, 0, vector)), high, Bytes(x, 0, vector + 4));
        if (TTile.Count >= 2)
        {
            d1 = TDot.MultiplyAdd(TDot.MultiplyAdd(d1, low, Bytes(x, 1, vector)), high, Bytes(x, 1, vector + 4));
        }

        if (TTile.Count == 4)
        {
            d2 = TDot.MultiplyAdd(TDot.MultiplyAdd(d2, low, Bytes(x, 2, vector)), high, Bytes(x, 2, vector + 4));
            d3 = TDot.MultiplyAdd(TDot.MultiplyAdd(d3, low, Bytes(x, 3, vector)), high, Bytes(x, 3, vector + 4));
        }
    }

    /// <summary>Four vectors of 16-bit weights from the nibbles of one: columns 4j and 4j + 2, 4j + 1 and 4j + 3, and the same 16 columns on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void NibbleStep<TDot, TTile>(byte* values, int vector, short* x, Vector256<short> mask, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var q = Vector256.Load((short*)(values + (vector * 32)));
        PairStep<TDot, TTile>(q & mask, x, 2 * vector, ref d0, ref d1, ref d2, ref d3);
        PairStep<TDot, TTile>((q >>> 8) & mask, x, (2 * vector) + 1, ref d0, ref d1, ref d2, ref d3);
        PairStep<TDot, TTile>((q >>> 4) & mask, x, 2 * (vector + 4), ref d0, ref d1, ref d2, ref d3);
        PairStep<TDot, TTile>(q >>> 12, x, (2 * (vector + 4)) + 1, ref d0, ref d1, ref d2, ref d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ByteStep<TDot, TTile>(byte* values, int vector, short* x, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        var q = Vector256.Load((short*)(values + (vector * 32)));
        PairStep<TDot, TTile>((q << 8) >> 8, x, 2 * vector, ref d0, ref d1, ref d2, ref d3);
        PairStep<TDot, TTile>(q >> 8, x, (2 * vector) + 1, ref d0, ref d1, ref d2, ref d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PairStep<TDot, TTile>(Vector256<short> weights, short* x, int pair, ref Vector256<int> d0, ref Vector256<int> d1, ref Vector256<int> d2, ref Vector256<int> d3)
        where TDot : struct, IDotProduct
        where TTile : struct, ITile
    {
        d0 = TDot.MultiplyAdd(d0, weights, Pair(x, 0, pair));
        if (TTile.Count >= 2)
        {
            d1 = TDot.MultiplyAdd(d1, weights, Pair(x, 1, pair));
        }

        if (TTile.Count == 4)
        {
            d2 = TDot.MultiplyAdd(d2, weights, Pair(x, 2, pair));
            d3 = TDot.MultiplyAdd(d3, weights, Pair(x, 3, pair));
        }
    }

    /// <summary>A block's part of the result: <c>y = fma(d * xs, dot, y)</c>, then <c>y = fma(m, xs * sum(xq), y)</c> where there are offsets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TFormat, TTile>(
        byte* header, in ActivationTile x, int at, Vector256<int> d0, Vector256<int> d1, Vector256<int> d2, Vector256<int> d3, ref Vector256<float> y0, ref Vector256<float> y1, ref Vector256<float> y2, ref Vector256<float> y3)
        where TFormat : struct, IBlockFormat
        where TTile : struct, ITile
    {
        var scale = HalfVectors.Widen(header);
        y0 = AddBlock<TFormat>(scale, x, at, d0, y0);
        if (TTile.Count >= 2)
        {
            y1 = AddBlock<TFormat>(scale, x, at + 1, d1, y1);
        }

        if (TTile.Count == 4)
        {
            y2 = AddBlock<TFormat>(scale, x, at + 2, d2, y2);
            y3 = AddBlock<TFormat>(scale, x, at + 3, d3, y3);
        }

        if (TFormat.HasOffset)
        {
            var offset = HalfVectors.Widen(header + 16);
            y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at]), y0);
            if (TTile.Count >= 2)
            {
                y1 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at + 1]), y1);
            }

            if (TTile.Count == 4)
            {
                y2 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at + 2]), y2);
                y3 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(x.ScaledSums[at + 3]), y3);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddBlock<TFormat>(Vector256<float> scale, in ActivationTile x, int at, Vector256<int> dot, Vector256<float> y)
        where TFormat : struct, IBlockFormat
    {
        if (TFormat.IsCentered)
        {
            dot -= Vector256.Create(x.EightSums[at]);
        }

        return Vector256.FusedMultiplyAdd(scale * Vector256.Create(x.Scales[at]), Vector256.ConvertToSingle(dot), y);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TTile>(float* y, long stride, Vector256<float> y0, Vector256<float> y1, Vector256<float> y2, Vector256<float> y3)
        where TTile : struct, ITile
    {
        y0.Store(y);
        if (TTile.Count >= 2)
        {
            y1.Store(y + stride);
        }

        if (TTile.Count == 4)
        {
            y2.Store(y + (2 * stride));
            y3.Store(y + (3 * stride));
        }
    }

    /// <summary>Four columns of a token, broadcast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Bytes(sbyte* x, int token, int four) => Vector256.Create(((int*)x)[(token * 8) + four]).AsSByte();

    /// <summary>Two columns of a token, broadcast.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Pair(short* x, int token, int pair) => Vector256.Create(((int*)x)[(token * 16) + pair]).AsInt16();

    /// <summary>Asks for a block, of at least 144 bytes, that is used later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchBlock(byte* w)
    {
        Prefetch.Line(w);
        Prefetch.Line(w + 64);
        Prefetch.Line(w + 128);
    }
}

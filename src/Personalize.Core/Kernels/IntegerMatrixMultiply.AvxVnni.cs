using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>8-bit dot products of four lanes at once. They take an unsigned first factor: 4-bit weights are so by nature, 8-bit ones are shifted by 128 and corrected by the sum of the activations.</content>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>One group of eight rows: one or four tokens of one plane, one or two of two; <paramref name="y"/> receives <c>[tokens, 8]</c>.</summary>
    internal static void GroupAvxVnni(in MatrixView weight, int group, sbyte* x, sbyte* low, float* scales, int* sums, int tokens, float* y)
    {
        var w = weight.Group(group);
        var blocks = weight.Columns / PackedMatrix.ColumnsPerBlock;
        switch (weight.Format)
        {
            case WeightFormat.Q4Zero:
                FourBitAvxVnni<FourBitCentered>(w, blocks, x, low, scales, sums, tokens, y);
                break;
            case WeightFormat.Q4One:
                FourBitAvxVnni<FourBitWithOffset>(w, blocks, x, low, scales, sums, tokens, y);
                break;
            default:
                EightBitAvxVnni(w, blocks, x, low, scales, sums, tokens, y);
                break;
        }
    }

    private static void FourBitAvxVnni<TFormat>(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, int tokens, float* y)
        where TFormat : struct, IFourBitFormat
    {
        switch (low is null, tokens)
        {
            case (true, 1):
                FourBit1AvxVnni<TFormat>(w, blocks, x, scales, sums, y);
                break;
            case (true, _):
                FourBit4AvxVnni<TFormat>(w, blocks, x, scales, sums, y);
                break;
            case (false, 1):
                FourBit1TwoPlanesAvxVnni<TFormat>(w, blocks, x, low, scales, sums, y);
                break;
            default:
                FourBit2TwoPlanesAvxVnni<TFormat>(w, blocks, x, low, scales, sums, y);
                break;
        }
    }

    private static void EightBitAvxVnni(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, int tokens, float* y)
    {
        switch (low is null, tokens)
        {
            case (true, 1):
                EightBit1AvxVnni(w, blocks, x, scales, sums, y);
                break;
            case (true, _):
                EightBit4AvxVnni(w, blocks, x, scales, sums, y);
                break;
            case (false, 1):
                EightBit1TwoPlanesAvxVnni(w, blocks, x, low, scales, sums, y);
                break;
            default:
                EightBit2TwoPlanesAvxVnni(w, blocks, x, low, scales, sums, y);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FourBit1AvxVnni<TFormat>(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var y0 = Vector256<float>.Zero;
        var header = TFormat.HasOffset ? 32 : 16;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var even = q & mask;
            var odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var sx0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(x0[0]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, even, Vector256.Create(x0[1]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, even, Vector256.Create(x0[2]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, even, Vector256.Create(x0[3]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = sx0;
            if (!TFormat.HasOffset)
            {
                d0 -= Vector256.Create(8 * sums[b]);
            }

            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(d0), y0);
            if (TFormat.HasOffset)
            {
                var offset = HalfVectors.Widen(w + 16);
                y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b] * sums[b]), y0);
            }

            w += header + 128;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FourBit4AvxVnni<TFormat>(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var y0 = Vector256<float>.Zero;
        var y1 = Vector256<float>.Zero;
        var y2 = Vector256<float>.Zero;
        var y3 = Vector256<float>.Zero;
        var header = TFormat.HasOffset ? 32 : 16;
        var columns = (long)blocks * PackedMatrix.ColumnsPerBlock;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var x1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var x2 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (2 * columns));
            var x3 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (3 * columns));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var even = q & mask;
            var odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var sx0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(x0[0]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[4]).AsSByte());
            var sx1 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(x1[0]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, odd, Vector256.Create(x1[4]).AsSByte());
            var sx2 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(x2[0]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, odd, Vector256.Create(x2[4]).AsSByte());
            var sx3 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(x3[0]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, odd, Vector256.Create(x3[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, even, Vector256.Create(x0[1]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[5]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, even, Vector256.Create(x1[1]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, odd, Vector256.Create(x1[5]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, even, Vector256.Create(x2[1]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, odd, Vector256.Create(x2[5]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, even, Vector256.Create(x3[1]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, odd, Vector256.Create(x3[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, even, Vector256.Create(x0[2]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[6]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, even, Vector256.Create(x1[2]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, odd, Vector256.Create(x1[6]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, even, Vector256.Create(x2[2]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, odd, Vector256.Create(x2[6]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, even, Vector256.Create(x3[2]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, odd, Vector256.Create(x3[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, even, Vector256.Create(x0[3]).AsSByte());
            sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, odd, Vector256.Create(x0[7]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, even, Vector256.Create(x1[3]).AsSByte());
            sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, odd, Vector256.Create(x1[7]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, even, Vector256.Create(x2[3]).AsSByte());
            sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, odd, Vector256.Create(x2[7]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, even, Vector256.Create(x3[3]).AsSByte());
            sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, odd, Vector256.Create(x3[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = sx0;
            var d1 = sx1;
            var d2 = sx2;
            var d3 = sx3;
            if (!TFormat.HasOffset)
            {
                d0 -= Vector256.Create(8 * sums[b]);
                d1 -= Vector256.Create(8 * sums[b + (1 * blocks)]);
                d2 -= Vector256.Create(8 * sums[b + (2 * blocks)]);
                d3 -= Vector256.Create(8 * sums[b + (3 * blocks)]);
            }

            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(d0), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle(d1), y1);
            y2 = Vector256.FusedMultiplyAdd(scale * scales[b + (2 * blocks)], Vector256.ConvertToSingle(d2), y2);
            y3 = Vector256.FusedMultiplyAdd(scale * scales[b + (3 * blocks)], Vector256.ConvertToSingle(d3), y3);
            if (TFormat.HasOffset)
            {
                var offset = HalfVectors.Widen(w + 16);
                y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b] * sums[b]), y0);
                y1 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b + (1 * blocks)] * sums[b + (1 * blocks)]), y1);
                y2 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b + (2 * blocks)] * sums[b + (2 * blocks)]), y2);
                y3 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b + (3 * blocks)] * sums[b + (3 * blocks)]), y3);
            }

            w += header + 128;
        }

        y0.Store(y);
        y1.Store(y + 8);
        y2.Store(y + 16);
        y3.Store(y + 24);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FourBit1TwoPlanesAvxVnni<TFormat>(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var ratio = Vector256.Create(QuantizedActivations.PlaneRatio);
        var y0 = Vector256<float>.Zero;
        var header = TFormat.HasOffset ? 32 : 16;
        for (var b = 0; b < blocks; b++)
        {
            var h0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var l0 = (int*)(low + (b * PackedMatrix.ColumnsPerBlock));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var even = q & mask;
            var odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var sh0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(h0[0]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[4]).AsSByte());
            var sl0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(l0[0]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, even, Vector256.Create(h0[1]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[5]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, even, Vector256.Create(l0[1]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, even, Vector256.Create(h0[2]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[6]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, even, Vector256.Create(l0[2]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, even, Vector256.Create(h0[3]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[7]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, even, Vector256.Create(l0[3]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = (sh0 * ratio) + sl0;
            if (!TFormat.HasOffset)
            {
                d0 -= Vector256.Create(8 * sums[b]);
            }

            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(d0), y0);
            if (TFormat.HasOffset)
            {
                var offset = HalfVectors.Widen(w + 16);
                y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b] * sums[b]), y0);
            }

            w += header + 128;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FourBit2TwoPlanesAvxVnni<TFormat>(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var ratio = Vector256.Create(QuantizedActivations.PlaneRatio);
        var y0 = Vector256<float>.Zero;
        var y1 = Vector256<float>.Zero;
        var header = TFormat.HasOffset ? 32 : 16;
        var columns = (long)blocks * PackedMatrix.ColumnsPerBlock;
        for (var b = 0; b < blocks; b++)
        {
            var h0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var l0 = (int*)(low + (b * PackedMatrix.ColumnsPerBlock));
            var h1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var l1 = (int*)(low + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var even = q & mask;
            var odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var sh0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(h0[0]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[4]).AsSByte());
            var sl0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(l0[0]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[4]).AsSByte());
            var sh1 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(h1[0]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, odd, Vector256.Create(h1[4]).AsSByte());
            var sl1 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, even, Vector256.Create(l1[0]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, odd, Vector256.Create(l1[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, even, Vector256.Create(h0[1]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[5]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, even, Vector256.Create(l0[1]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[5]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, even, Vector256.Create(h1[1]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, odd, Vector256.Create(h1[5]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, even, Vector256.Create(l1[1]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, odd, Vector256.Create(l1[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, even, Vector256.Create(h0[2]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[6]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, even, Vector256.Create(l0[2]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[6]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, even, Vector256.Create(h1[2]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, odd, Vector256.Create(h1[6]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, even, Vector256.Create(l1[2]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, odd, Vector256.Create(l1[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, even, Vector256.Create(h0[3]).AsSByte());
            sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, odd, Vector256.Create(h0[7]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, even, Vector256.Create(l0[3]).AsSByte());
            sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, odd, Vector256.Create(l0[7]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, even, Vector256.Create(h1[3]).AsSByte());
            sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, odd, Vector256.Create(h1[7]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, even, Vector256.Create(l1[3]).AsSByte());
            sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, odd, Vector256.Create(l1[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = (sh0 * ratio) + sl0;
            var d1 = (sh1 * ratio) + sl1;
            if (!TFormat.HasOffset)
            {
                d0 -= Vector256.Create(8 * sums[b]);
                d1 -= Vector256.Create(8 * sums[b + (1 * blocks)]);
            }

            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(d0), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle(d1), y1);
            if (TFormat.HasOffset)
            {
                var offset = HalfVectors.Widen(w + 16);
                y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b] * sums[b]), y0);
                y1 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b + (1 * blocks)] * sums[b + (1 * blocks)]), y1);
            }

            w += header + 128;
        }

        y0.Store(y);
        y1.Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit1AvxVnni(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
    {
        var shift = Vector256.Create((byte)128);
        var y0 = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var sx0 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load(w + 16 + (32 * j)) ^ shift;
                sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, q, Vector256.Create(x0[j]).AsSByte());
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(sx0 - Vector256.Create(128 * sums[b])), y0);
            w += 272;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit4AvxVnni(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
    {
        var shift = Vector256.Create((byte)128);
        var y0 = Vector256<float>.Zero;
        var y1 = Vector256<float>.Zero;
        var y2 = Vector256<float>.Zero;
        var y3 = Vector256<float>.Zero;
        var columns = (long)blocks * PackedMatrix.ColumnsPerBlock;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var sx0 = Vector256<int>.Zero;
            var x1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var sx1 = Vector256<int>.Zero;
            var x2 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (2 * columns));
            var sx2 = Vector256<int>.Zero;
            var x3 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (3 * columns));
            var sx3 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load(w + 16 + (32 * j)) ^ shift;
                sx0 = AvxVnni.MultiplyWideningAndAdd(sx0, q, Vector256.Create(x0[j]).AsSByte());
                sx1 = AvxVnni.MultiplyWideningAndAdd(sx1, q, Vector256.Create(x1[j]).AsSByte());
                sx2 = AvxVnni.MultiplyWideningAndAdd(sx2, q, Vector256.Create(x2[j]).AsSByte());
                sx3 = AvxVnni.MultiplyWideningAndAdd(sx3, q, Vector256.Create(x3[j]).AsSByte());
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(sx0 - Vector256.Create(128 * sums[b])), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle(sx1 - Vector256.Create(128 * sums[b + (1 * blocks)])), y1);
            y2 = Vector256.FusedMultiplyAdd(scale * scales[b + (2 * blocks)], Vector256.ConvertToSingle(sx2 - Vector256.Create(128 * sums[b + (2 * blocks)])), y2);
            y3 = Vector256.FusedMultiplyAdd(scale * scales[b + (3 * blocks)], Vector256.ConvertToSingle(sx3 - Vector256.Create(128 * sums[b + (3 * blocks)])), y3);
            w += 272;
        }

        y0.Store(y);
        y1.Store(y + 8);
        y2.Store(y + 16);
        y3.Store(y + 24);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit1TwoPlanesAvxVnni(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
    {
        var shift = Vector256.Create((byte)128);
        var ratio = Vector256.Create(QuantizedActivations.PlaneRatio);
        var y0 = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var h0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var sh0 = Vector256<int>.Zero;
            var l0 = (int*)(low + (b * PackedMatrix.ColumnsPerBlock));
            var sl0 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load(w + 16 + (32 * j)) ^ shift;
                sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, q, Vector256.Create(h0[j]).AsSByte());
                sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, q, Vector256.Create(l0[j]).AsSByte());
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle((sh0 * ratio) + sl0 - Vector256.Create(128 * sums[b])), y0);
            w += 272;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit2TwoPlanesAvxVnni(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
    {
        var shift = Vector256.Create((byte)128);
        var ratio = Vector256.Create(QuantizedActivations.PlaneRatio);
        var y0 = Vector256<float>.Zero;
        var y1 = Vector256<float>.Zero;
        var columns = (long)blocks * PackedMatrix.ColumnsPerBlock;
        for (var b = 0; b < blocks; b++)
        {
            var h0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var sh0 = Vector256<int>.Zero;
            var l0 = (int*)(low + (b * PackedMatrix.ColumnsPerBlock));
            var sl0 = Vector256<int>.Zero;
            var h1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var sh1 = Vector256<int>.Zero;
            var l1 = (int*)(low + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var sl1 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load(w + 16 + (32 * j)) ^ shift;
                sh0 = AvxVnni.MultiplyWideningAndAdd(sh0, q, Vector256.Create(h0[j]).AsSByte());
                sl0 = AvxVnni.MultiplyWideningAndAdd(sl0, q, Vector256.Create(l0[j]).AsSByte());
                sh1 = AvxVnni.MultiplyWideningAndAdd(sh1, q, Vector256.Create(h1[j]).AsSByte());
                sl1 = AvxVnni.MultiplyWideningAndAdd(sl1, q, Vector256.Create(l1[j]).AsSByte());
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle((sh0 * ratio) + sl0 - Vector256.Create(128 * sums[b])), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle((sh1 * ratio) + sl1 - Vector256.Create(128 * sums[b + (1 * blocks)])), y1);
            w += 272;
        }

        y0.Store(y);
        y1.Store(y + 8);
    }
}

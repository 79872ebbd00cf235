using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>
/// Pairs of products in 16 bits. Eight pairs of 4-bit weights (at most 2 * 15 * 127 each) add up within 16 bits, so one widening serves a whole block;
/// 8-bit weights pass their sign to the activations (at most 2 * 128 * 127) and widen each time.
/// </content>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>One group of eight rows: one or four tokens of one plane, one or two of two; <paramref name="y"/> receives <c>[tokens, 8]</c>.</summary>
    internal static void GroupAvx2(in MatrixView weight, int group, sbyte* x, sbyte* low, short* wide, float* scales, int* sums, int tokens, float* y)
    {
        var w = weight.Group(group);
        var blocks = weight.Columns / PackedMatrix.ColumnsPerBlock;
        switch (weight.Format)
        {
            case WeightFormat.Q4Zero:
                FourBitAvx2<FourBitCentered>(w, blocks, x, low, scales, sums, tokens, y);
                break;
            case WeightFormat.Q4One:
                FourBitAvx2<FourBitWithOffset>(w, blocks, x, low, scales, sums, tokens, y);
                break;
            default:
                EightBitAvx2(w, blocks, x, low is null ? null : wide, scales, tokens, y);
                break;
        }
    }

    private static void FourBitAvx2<TFormat>(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, int tokens, float* y)
        where TFormat : struct, IFourBitFormat
    {
        switch (low is null, tokens)
        {
            case (true, 1):
                FourBit1Avx2<TFormat>(w, blocks, x, scales, sums, y);
                break;
            case (true, _):
                FourBit4Avx2<TFormat>(w, blocks, x, scales, sums, y);
                break;
            case (false, 1):
                FourBit1TwoPlanesAvx2<TFormat>(w, blocks, x, low, scales, sums, y);
                break;
            default:
                FourBit2TwoPlanesAvx2<TFormat>(w, blocks, x, low, scales, sums, y);
                break;
        }
    }

    private static void EightBitAvx2(byte* w, int blocks, sbyte* x, short* wide, float* scales, int tokens, float* y)
    {
        switch (wide is null, tokens)
        {
            case (true, 1):
                EightBit1Avx2(w, blocks, x, scales, y);
                break;
            case (true, _):
                EightBit4Avx2(w, blocks, x, scales, y);
                break;
            case (false, 1):
                EightBit1WideAvx2(w, blocks, wide, scales, y);
                break;
            default:
                EightBit2WideAvx2(w, blocks, wide, scales, y);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void FourBit1Avx2<TFormat>(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
        var y0 = Vector256<float>.Zero;
        var header = TFormat.HasOffset ? 32 : 16;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var even = q & mask;
            var odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var sx0 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = Avx2.MultiplyAddAdjacent(sx0, ones);
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
    private static void FourBit4Avx2<TFormat>(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
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
            var sx0 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[4]).AsSByte());
            var sx1 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(x1[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x1[4]).AsSByte());
            var sx2 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(x2[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x2[4]).AsSByte());
            var sx3 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(x3[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x3[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[5]).AsSByte());
            sx1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x1[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x1[5]).AsSByte());
            sx2 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x2[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x2[5]).AsSByte());
            sx3 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x3[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x3[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[6]).AsSByte());
            sx1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x1[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x1[6]).AsSByte());
            sx2 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x2[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x2[6]).AsSByte());
            sx3 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x3[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x3[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sx0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x0[7]).AsSByte());
            sx1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x1[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x1[7]).AsSByte());
            sx2 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x2[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x2[7]).AsSByte());
            sx3 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(x3[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(x3[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = Avx2.MultiplyAddAdjacent(sx0, ones);
            var d1 = Avx2.MultiplyAddAdjacent(sx1, ones);
            var d2 = Avx2.MultiplyAddAdjacent(sx2, ones);
            var d3 = Avx2.MultiplyAddAdjacent(sx3, ones);
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
    private static void FourBit1TwoPlanesAvx2<TFormat>(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
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
            var sh0 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[4]).AsSByte());
            var sl0 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[5]).AsSByte());
            sl0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[6]).AsSByte());
            sl0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[7]).AsSByte());
            sl0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = (Avx2.MultiplyAddAdjacent(sh0, ones) * ratio) + Avx2.MultiplyAddAdjacent(sl0, ones);
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
    private static void FourBit2TwoPlanesAvx2<TFormat>(byte* w, int blocks, sbyte* x, sbyte* low, float* scales, int* sums, float* y)
        where TFormat : struct, IFourBitFormat
    {
        var mask = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
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
            var sh0 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[4]).AsSByte());
            var sl0 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[4]).AsSByte());
            var sh1 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(h1[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h1[4]).AsSByte());
            var sl1 = Avx2.MultiplyAddAdjacent(even, Vector256.Create(l1[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l1[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[5]).AsSByte());
            sl0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[5]).AsSByte());
            sh1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h1[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h1[5]).AsSByte());
            sl1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l1[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l1[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[6]).AsSByte());
            sl0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[6]).AsSByte());
            sh1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h1[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h1[6]).AsSByte());
            sl1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l1[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l1[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            even = q & mask;
            odd = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            sh0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h0[7]).AsSByte());
            sl0 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l0[7]).AsSByte());
            sh1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(h1[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(h1[7]).AsSByte());
            sl1 += Avx2.MultiplyAddAdjacent(even, Vector256.Create(l1[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(odd, Vector256.Create(l1[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = (Avx2.MultiplyAddAdjacent(sh0, ones) * ratio) + Avx2.MultiplyAddAdjacent(sl0, ones);
            var d1 = (Avx2.MultiplyAddAdjacent(sh1, ones) * ratio) + Avx2.MultiplyAddAdjacent(sl1, ones);
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
    private static void EightBit1Avx2(byte* w, int blocks, sbyte* x, float* scales, float* y)
    {
        var ones = Vector256.Create((short)1);
        var y0 = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var sx0 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load((sbyte*)w + 16 + (32 * j));
                var magnitude = Avx2.Abs(q);
                sx0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x0[j]).AsSByte(), q)), ones);
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(sx0), y0);
            w += 272;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit4Avx2(byte* w, int blocks, sbyte* x, float* scales, float* y)
    {
        var ones = Vector256.Create((short)1);
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
                var q = Vector256.Load((sbyte*)w + 16 + (32 * j));
                var magnitude = Avx2.Abs(q);
                sx0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x0[j]).AsSByte(), q)), ones);
                sx1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x1[j]).AsSByte(), q)), ones);
                sx2 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x2[j]).AsSByte(), q)), ones);
                sx3 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x3[j]).AsSByte(), q)), ones);
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(sx0), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle(sx1), y1);
            y2 = Vector256.FusedMultiplyAdd(scale * scales[b + (2 * blocks)], Vector256.ConvertToSingle(sx2), y2);
            y3 = Vector256.FusedMultiplyAdd(scale * scales[b + (3 * blocks)], Vector256.ConvertToSingle(sx3), y3);
            w += 272;
        }

        y0.Store(y);
        y1.Store(y + 8);
        y2.Store(y + 16);
        y3.Store(y + 24);
    }

    // Activations of two planes are 16-bit numbers: eight-bit weights widened to 16 bits need one product for both planes. A vector holds four rows, two sums each.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit1WideAvx2(byte* w, int blocks, short* x, float* scales, float* y)
    {
        var y0 = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (long*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var upper0 = Vector256<int>.Zero;
            var lower0 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var first = Avx2.ConvertToVector256Int16((sbyte*)w + 16 + (32 * j));
                var last = Avx2.ConvertToVector256Int16((sbyte*)w + 32 + (32 * j));
                var columns0 = Vector256.Create(x0[j]).AsInt16();
                upper0 += Avx2.MultiplyAddAdjacent(first, columns0);
                lower0 += Avx2.MultiplyAddAdjacent(last, columns0);
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(AddPairs(upper0, lower0)), y0);
            w += 272;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void EightBit2WideAvx2(byte* w, int blocks, short* x, float* scales, float* y)
    {
        var y0 = Vector256<float>.Zero;
        var y1 = Vector256<float>.Zero;
        var columns = (long)blocks * PackedMatrix.ColumnsPerBlock;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (long*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var upper0 = Vector256<int>.Zero;
            var lower0 = Vector256<int>.Zero;
            var x1 = (long*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var upper1 = Vector256<int>.Zero;
            var lower1 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var first = Avx2.ConvertToVector256Int16((sbyte*)w + 16 + (32 * j));
                var last = Avx2.ConvertToVector256Int16((sbyte*)w + 32 + (32 * j));
                var columns0 = Vector256.Create(x0[j]).AsInt16();
                upper0 += Avx2.MultiplyAddAdjacent(first, columns0);
                lower0 += Avx2.MultiplyAddAdjacent(last, columns0);
                var columns1 = Vector256.Create(x1[j]).AsInt16();
                upper1 += Avx2.MultiplyAddAdjacent(first, columns1);
                lower1 += Avx2.MultiplyAddAdjacent(last, columns1);
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(AddPairs(upper0, lower0)), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle(AddPairs(upper1, lower1)), y1);
            w += 272;
        }

        y0.Store(y);
        y1.Store(y + 8);
    }

    /// <summary>Rows 0-3 and 4-7 with two sums each become one sum for each of the eight rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> AddPairs(Vector256<int> upper, Vector256<int> lower) =>
        Avx2.Permute4x64(Avx2.HorizontalAdd(upper, lower).AsInt64(), 0b11_01_10_00).AsInt32();
}

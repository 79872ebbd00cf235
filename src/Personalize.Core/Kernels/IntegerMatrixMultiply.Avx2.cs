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
    /// <summary>One group of eight rows for one or four tokens; <paramref name="y"/> receives <c>[tokens, 8]</c>.</summary>
    internal static void GroupAvx2(in MatrixView weight, int group, sbyte* x, float* scales, int* sums, int tokens, float* y)
    {
        var w = weight.Group(group);
        var blocks = weight.Columns / PackedMatrix.ColumnsPerBlock;
        switch (weight.Format, tokens)
        {
            case (WeightFormat.Q4One, 1):
                FourBit1Avx2(w, blocks, true, x, scales, sums, y);
                break;
            case (WeightFormat.Q4One, _):
                FourBit4Avx2(w, blocks, true, x, scales, sums, y);
                break;
            case (WeightFormat.Q4Zero, 1):
                FourBit1Avx2(w, blocks, false, x, scales, sums, y);
                break;
            case (WeightFormat.Q4Zero, _):
                FourBit4Avx2(w, blocks, false, x, scales, sums, y);
                break;
            case (_, 1):
                EightBit1Avx2(w, blocks, x, scales, sums, y);
                break;
            default:
                EightBit4Avx2(w, blocks, x, scales, sums, y);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourBit1Avx2(byte* w, int blocks, bool hasOffset, sbyte* x, float* scales, int* sums, float* y)
    {
        var mask = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
        var y0 = Vector256<float>.Zero;
        var header = hasOffset ? 32 : 16;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var low = q & mask;
            var high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var s0 = Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = Avx2.MultiplyAddAdjacent(s0, ones);
            if (!hasOffset)
            {
                d0 -= Vector256.Create(8 * sums[b]);
            }

            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(d0), y0);
            if (hasOffset)
            {
                var offset = HalfVectors.Widen(w + 16);
                y0 = Vector256.FusedMultiplyAdd(offset, Vector256.Create(scales[b] * sums[b]), y0);
            }

            w += header + 128;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourBit4Avx2(byte* w, int blocks, bool hasOffset, sbyte* x, float* scales, int* sums, float* y)
    {
        var mask = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
        var y0 = Vector256<float>.Zero;
        var y1 = Vector256<float>.Zero;
        var y2 = Vector256<float>.Zero;
        var y3 = Vector256<float>.Zero;
        var header = hasOffset ? 32 : 16;
        var columns = (long)blocks * PackedMatrix.ColumnsPerBlock;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var x1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var x2 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (2 * columns));
            var x3 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (3 * columns));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var low = q & mask;
            var high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var s0 = Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[4]).AsSByte());
            var s1 = Avx2.MultiplyAddAdjacent(low, Vector256.Create(x1[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x1[4]).AsSByte());
            var s2 = Avx2.MultiplyAddAdjacent(low, Vector256.Create(x2[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x2[4]).AsSByte());
            var s3 = Avx2.MultiplyAddAdjacent(low, Vector256.Create(x3[0]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x3[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[5]).AsSByte());
            s1 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x1[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x1[5]).AsSByte());
            s2 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x2[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x2[5]).AsSByte());
            s3 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x3[1]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x3[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[6]).AsSByte());
            s1 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x1[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x1[6]).AsSByte());
            s2 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x2[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x2[6]).AsSByte());
            s3 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x3[2]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x3[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x0[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x0[7]).AsSByte());
            s1 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x1[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x1[7]).AsSByte());
            s2 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x2[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x2[7]).AsSByte());
            s3 += Avx2.MultiplyAddAdjacent(low, Vector256.Create(x3[3]).AsSByte()) + Avx2.MultiplyAddAdjacent(high, Vector256.Create(x3[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = Avx2.MultiplyAddAdjacent(s0, ones);
            var d1 = Avx2.MultiplyAddAdjacent(s1, ones);
            var d2 = Avx2.MultiplyAddAdjacent(s2, ones);
            var d3 = Avx2.MultiplyAddAdjacent(s3, ones);
            if (!hasOffset)
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
            if (hasOffset)
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EightBit1Avx2(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
    {
        var ones = Vector256.Create((short)1);
        var y0 = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var s0 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load((sbyte*)w + 16 + (32 * j));
                var magnitude = Avx2.Abs(q);
                s0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x0[j]).AsSByte(), q)), ones);
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(s0), y0);
            w += 272;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void EightBit4Avx2(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
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
            var s0 = Vector256<int>.Zero;
            var x1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var s1 = Vector256<int>.Zero;
            var x2 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (2 * columns));
            var s2 = Vector256<int>.Zero;
            var x3 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (3 * columns));
            var s3 = Vector256<int>.Zero;
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load((sbyte*)w + 16 + (32 * j));
                var magnitude = Avx2.Abs(q);
                s0 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x0[j]).AsSByte(), q)), ones);
                s1 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x1[j]).AsSByte(), q)), ones);
                s2 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x2[j]).AsSByte(), q)), ones);
                s3 += Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(magnitude, Avx2.Sign(Vector256.Create(x3[j]).AsSByte(), q)), ones);
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(s0), y0);
            y1 = Vector256.FusedMultiplyAdd(scale * scales[b + (1 * blocks)], Vector256.ConvertToSingle(s1), y1);
            y2 = Vector256.FusedMultiplyAdd(scale * scales[b + (2 * blocks)], Vector256.ConvertToSingle(s2), y2);
            y3 = Vector256.FusedMultiplyAdd(scale * scales[b + (3 * blocks)], Vector256.ConvertToSingle(s3), y3);
            w += 272;
        }

        y0.Store(y);
        y1.Store(y + 8);
        y2.Store(y + 16);
        y3.Store(y + 24);
    }
}

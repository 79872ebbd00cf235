using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>8-bit dot products of four lanes at once. They take an unsigned first factor: 4-bit weights are so by nature, 8-bit ones are shifted by 128 and corrected by the sum of the activations.</content>
internal static unsafe partial class IntegerMatrixMultiply
{
    /// <summary>One group of eight rows for one or four tokens; <paramref name="y"/> receives <c>[tokens, 8]</c>.</summary>
    internal static void GroupAvxVnni(in MatrixView weight, int group, sbyte* x, float* scales, int* sums, int tokens, float* y)
    {
        var w = weight.Group(group);
        var blocks = weight.Columns / PackedMatrix.ColumnsPerBlock;
        switch (weight.Format, tokens)
        {
            case (WeightFormat.Q4One, 1):
                FourBit1AvxVnni(w, blocks, true, x, scales, sums, y);
                break;
            case (WeightFormat.Q4One, _):
                FourBit4AvxVnni(w, blocks, true, x, scales, sums, y);
                break;
            case (WeightFormat.Q4Zero, 1):
                FourBit1AvxVnni(w, blocks, false, x, scales, sums, y);
                break;
            case (WeightFormat.Q4Zero, _):
                FourBit4AvxVnni(w, blocks, false, x, scales, sums, y);
                break;
            case (_, 1):
                EightBit1AvxVnni(w, blocks, x, scales, sums, y);
                break;
            default:
                EightBit4AvxVnni(w, blocks, x, scales, sums, y);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourBit1AvxVnni(byte* w, int blocks, bool hasOffset, sbyte* x, float* scales, int* sums, float* y)
    {
        var mask = Vector256.Create((byte)15);
        var y0 = Vector256<float>.Zero;
        var header = hasOffset ? 32 : 16;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var quants = w + header;
            var q = Vector256.Load(quants);
            var low = q & mask;
            var high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            var s0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, low, Vector256.Create(x0[0]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, low, Vector256.Create(x0[1]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, low, Vector256.Create(x0[2]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, low, Vector256.Create(x0[3]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = s0;
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
    private static void FourBit4AvxVnni(byte* w, int blocks, bool hasOffset, sbyte* x, float* scales, int* sums, float* y)
    {
        var mask = Vector256.Create((byte)15);
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
            var s0 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, low, Vector256.Create(x0[0]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[4]).AsSByte());
            var s1 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, low, Vector256.Create(x1[0]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, high, Vector256.Create(x1[4]).AsSByte());
            var s2 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, low, Vector256.Create(x2[0]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, high, Vector256.Create(x2[4]).AsSByte());
            var s3 = AvxVnni.MultiplyWideningAndAdd(Vector256<int>.Zero, low, Vector256.Create(x3[0]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, high, Vector256.Create(x3[4]).AsSByte());
            q = Vector256.Load(quants + 32);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, low, Vector256.Create(x0[1]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[5]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, low, Vector256.Create(x1[1]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, high, Vector256.Create(x1[5]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, low, Vector256.Create(x2[1]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, high, Vector256.Create(x2[5]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, low, Vector256.Create(x3[1]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, high, Vector256.Create(x3[5]).AsSByte());
            q = Vector256.Load(quants + 64);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, low, Vector256.Create(x0[2]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[6]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, low, Vector256.Create(x1[2]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, high, Vector256.Create(x1[6]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, low, Vector256.Create(x2[2]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, high, Vector256.Create(x2[6]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, low, Vector256.Create(x3[2]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, high, Vector256.Create(x3[6]).AsSByte());
            q = Vector256.Load(quants + 96);
            low = q & mask;
            high = Vector256.ShiftRightLogical(q.AsUInt16(), 4).AsByte() & mask;
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, low, Vector256.Create(x0[3]).AsSByte());
            s0 = AvxVnni.MultiplyWideningAndAdd(s0, high, Vector256.Create(x0[7]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, low, Vector256.Create(x1[3]).AsSByte());
            s1 = AvxVnni.MultiplyWideningAndAdd(s1, high, Vector256.Create(x1[7]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, low, Vector256.Create(x2[3]).AsSByte());
            s2 = AvxVnni.MultiplyWideningAndAdd(s2, high, Vector256.Create(x2[7]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, low, Vector256.Create(x3[3]).AsSByte());
            s3 = AvxVnni.MultiplyWideningAndAdd(s3, high, Vector256.Create(x3[7]).AsSByte());

            var scale = HalfVectors.Widen(w);
            var d0 = s0;
            var d1 = s1;
            var d2 = s2;
            var d3 = s3;
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
    private static void EightBit1AvxVnni(byte* w, int blocks, sbyte* x, float* scales, int* sums, float* y)
    {
        var shift = Vector256.Create((byte)128);
        var y0 = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++)
        {
            var x0 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock));
            var s0 = Vector256.Create(-128 * sums[b]);
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load(w + 16 + (32 * j)) ^ shift;
                s0 = AvxVnni.MultiplyWideningAndAdd(s0, q, Vector256.Create(x0[j]).AsSByte());
            }

            var scale = HalfVectors.Widen(w);
            y0 = Vector256.FusedMultiplyAdd(scale * scales[b], Vector256.ConvertToSingle(s0), y0);
            w += 272;
        }

        y0.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
            var s0 = Vector256.Create(-128 * sums[b]);
            var x1 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (1 * columns));
            var s1 = Vector256.Create(-128 * sums[b + (1 * blocks)]);
            var x2 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (2 * columns));
            var s2 = Vector256.Create(-128 * sums[b + (2 * blocks)]);
            var x3 = (int*)(x + (b * PackedMatrix.ColumnsPerBlock) + (3 * columns));
            var s3 = Vector256.Create(-128 * sums[b + (3 * blocks)]);
            for (var j = 0; j < 8; j++)
            {
                var q = Vector256.Load(w + 16 + (32 * j)) ^ shift;
                s0 = AvxVnni.MultiplyWideningAndAdd(s0, q, Vector256.Create(x0[j]).AsSByte());
                s1 = AvxVnni.MultiplyWideningAndAdd(s1, q, Vector256.Create(x1[j]).AsSByte());
                s2 = AvxVnni.MultiplyWideningAndAdd(s2, q, Vector256.Create(x2[j]).AsSByte());
                s3 = AvxVnni.MultiplyWideningAndAdd(s3, q, Vector256.Create(x3[j]).AsSByte());
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

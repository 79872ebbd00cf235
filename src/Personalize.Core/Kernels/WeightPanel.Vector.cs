using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>256-bit decoding; bit-equal to the scalar definition.</content>
internal static unsafe partial class WeightPanel
{
    /// <summary>One group of eight rows, eight at a time: each 32-bit lane of a vector is a row, so a shift and a mask give a column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool DecodeColumnsVector(in MatrixView matrix, int group, int column, int depth, float* target)
    {
        var data = matrix.Group(group);
        switch (matrix.Format)
        {
            case WeightFormat.Q4Zero or WeightFormat.Q4One:
                {
                    var hasOffset = matrix.Format == WeightFormat.Q4One;
                    var blockBytes = hasOffset ? 160 : 144;
                    var at = data + (column / PackedMatrix.ColumnsPerBlock * (long)blockBytes);
                    var mask = Vector256.Create(15);
                    for (var k = 0; k < depth; k += PackedMatrix.ColumnsPerBlock, at += blockBytes)
                    {
                        var scale = HalfVectors.Widen(at);
                        var quants = at + (hasOffset ? 32 : 16);
                        var offset = hasOffset ? HalfVectors.Widen(at + 16) : Vector256<float>.Zero;
                        for (var j = 0; j < 4; j++)
                        {
                            var vector = Vector256.Load((int*)(quants + (32 * j)));
                            var line = target + ((k + (4 * j)) * Width);
                            for (var i = 0; i < 4; i++, line += Width)
                            {
                                var low = Vector256.BitwiseAnd(vector, mask);
                                var high = Vector256.BitwiseAnd(Vector256.ShiftRightLogical(vector, 4), mask);
                                vector = Vector256.ShiftRightLogical(vector, 8);
                                if (hasOffset)
                                {
                                    Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(low), offset).Store(line);
                                    Vector256.FusedMultiplyAdd(scale, Vector256.ConvertToSingle(high), offset).Store(line + (16 * Width));
                                }
                                else
                                {
                                    (scale * Vector256.ConvertToSingle(low - Vector256.Create(8))).Store(line);
                                    (scale * Vector256.ConvertToSingle(high - Vector256.Create(8))).Store(line + (16 * Width));
                                }
                            }
                        }
                    }

                    return true;
                }

            case WeightFormat.Q8Zero:
                {
                    var at = data + (column / PackedMatrix.ColumnsPerBlock * 272L);
                    for (var k = 0; k < depth; k += PackedMatrix.ColumnsPerBlock, at += 272)
                    {
                        var scale = HalfVectors.Widen(at);
                        for (var j = 0; j < 8; j++)
                        {
                            var vector = Vector256.Load((int*)(at + 16 + (32 * j)));
                            var line = target + ((k + (4 * j)) * Width);
                            for (var i = 3; i >= 0; i--, line += Width)
                            {
                                var element = Vector256.ShiftRightArithmetic(Vector256.ShiftLeft(vector, 8 * i), 24);
                                (scale * Vector256.ConvertToSingle(element)).Store(line);
                            }
                        }
                    }

                    return true;
                }

            case WeightFormat.Float16:
                for (var k = 0; k < depth; k++)
                {
                    HalfVectors.Widen(data + ((column + k) * 16L)).Store(target + (k * Width));
                }

                return true;
            case WeightFormat.BFloat16:
                for (var k = 0; k < depth; k++)
                {
                    Vector256.ShiftLeft(Vector256.WidenLower(Vector128.Load((short*)(data + ((column + k) * 16L))).ToVector256Unsafe()), 16).AsSingle().Store(target + (k * Width));
                }

                return true;
            default:
                for (var k = 0; k < depth; k++)
                {
                    Vector256.Load((float*)data + ((column + k) * 8L)).Store(target + (k * Width));
                }

                return true;
        }
    }

    /// <summary>One block of 32 columns of eight rows; false where the format has no vector path or the block is not whole.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool DecodeRowsVector(in MatrixView matrix, int group, int column, float* first, float* second)
    {
        if (column + Span > matrix.Columns)
        {
            return false;
        }

        var data = matrix.Group(group);
        switch (matrix.Format)
        {
            case WeightFormat.Q4Zero:
                {
                    var at = data + (column / PackedMatrix.ColumnsPerBlock * 144L);
                    DecodeFourBitRows(at + 16, at, null, first, second);
                    return true;
                }

            case WeightFormat.Q4One:
                {
                    var at = data + (column / PackedMatrix.ColumnsPerBlock * 160L);
                    DecodeFourBitRows(at + 32, at, at + 16, first, second);
                    return true;
                }

            case WeightFormat.Q8Zero:
                {
                    var at = data + (column / PackedMatrix.ColumnsPerBlock * 272L);
                    DecodeEightBitRows(at + 16, at, first);
                    DecodeEightBitRows(at + 16 + 128, at, second);
                    return true;
                }

            case WeightFormat.Float16:
                for (var k = 0; k < Span; k += 8, data += 128)
                {
                    var at = data + (column * 16L);
                    TransposeInto(
                        HalfVectors.Widen(at), HalfVectors.Widen(at + 16), HalfVectors.Widen(at + 32), HalfVectors.Widen(at + 48), HalfVectors.Widen(at + 64), HalfVectors.Widen(at + 80), HalfVectors.Widen(at + 96), HalfVectors.Widen(at + 112),
                        (k < Width ? first : second) + (k % Width));
                }

                return true;

            case WeightFormat.Float32:
                for (var k = 0; k < Span; k += 8, data += 256)
                {
                    var at = (float*)data + (column * 8L);
                    TransposeInto(
                        Vector256.Load(at), Vector256.Load(at + 8), Vector256.Load(at + 16), Vector256.Load(at + 24), Vector256.Load(at + 32), Vector256.Load(at + 40), Vector256.Load(at + 48), Vector256.Load(at + 56),
                        (k < Width ? first : second) + (k % Width));
                }

                return true;

            default:
                return false;
        }
    }

    /// <summary>Eight columns of eight rows become eight lines of a panel: in pairs, in fours, then by halves of a vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TransposeInto(
        Vector256<float> c0, Vector256<float> c1, Vector256<float> c2, Vector256<float> c3, Vector256<float> c4, Vector256<float> c5, Vector256<float> c6, Vector256<float> c7, float* target)
    {
        Vector256<float> low01 = Avx.UnpackLow(c0, c1), high01 = Avx.UnpackHigh(c0, c1), low23 = Avx.UnpackLow(c2, c3), high23 = Avx.UnpackHigh(c2, c3);
        Vector256<float> low45 = Avx.UnpackLow(c4, c5), high45 = Avx.UnpackHigh(c4, c5), low67 = Avx.UnpackLow(c6, c7), high67 = Avx.UnpackHigh(c6, c7);
        PutRows(Avx.Shuffle(low01, low23, 0x44), Avx.Shuffle(low45, low67, 0x44), target);
        PutRows(Avx.Shuffle(low01, low23, 0xEE), Avx.Shuffle(low45, low67, 0xEE), target + Width);
        PutRows(Avx.Shuffle(high01, high23, 0x44), Avx.Shuffle(high45, high67, 0x44), target + (2 * Width));
        PutRows(Avx.Shuffle(high01, high23, 0xEE), Avx.Shuffle(high45, high67, 0xEE), target + (3 * Width));
    }

    /// <summary>The four first and the four last columns of rows r and r + 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutRows(Vector256<float> columns0To3, Vector256<float> columns4To7, float* target)
    {
        Avx.Permute2x128(columns0To3, columns4To7, 0x20).Store(target);
        Avx.Permute2x128(columns0To3, columns4To7, 0x31).Store(target + (4 * Width));
    }

    private static void DecodeFourBitRows(byte* quants, byte* halfScales, byte* halfOffsets, float* first, float* second)
    {
        var rows = stackalloc Vector256<byte>[4];
        GatherRows(quants, rows);
        float* scales = stackalloc float[PackedMatrix.RowsPerGroup], offsets = stackalloc float[PackedMatrix.RowsPerGroup];
        HalfVectors.Widen(halfScales).Store(scales);
        if (halfOffsets is not null)
        {
            HalfVectors.Widen(halfOffsets).Store(offsets);
        }

        var mask = Vector128.Create((byte)15);
        for (var r = 0; r < PackedMatrix.RowsPerGroup; r++, first += Width, second += Width)
        {
            var bytes = ((Vector128<byte>*)rows)[(r % 4 * 2) + (r / 4)];
            var low = bytes & mask;
            var high = Vector128.ShiftRightLogical(bytes.AsUInt16(), 4).AsByte() & mask;
            var scale = Vector256.Create(scales[r]);
            if (halfOffsets is not null)
            {
                var offset = Vector256.Create(offsets[r]);
                Vector256.FusedMultiplyAdd(scale, ToSingle(low), offset).Store(first);
                Vector256.FusedMultiplyAdd(scale, ToSingle(UpperHalf(low)), offset).Store(first + 8);
                Vector256.FusedMultiplyAdd(scale, ToSingle(high), offset).Store(second);
                Vector256.FusedMultiplyAdd(scale, ToSingle(UpperHalf(high)), offset).Store(second + 8);
            }
            else
            {
                var eight = Vector256.Create(8f);
                (scale * (ToSingle(low) - eight)).Store(first);
                (scale * (ToSingle(UpperHalf(low)) - eight)).Store(first + 8);
                (scale * (ToSingle(high) - eight)).Store(second);
                (scale * (ToSingle(UpperHalf(high)) - eight)).Store(second + 8);
            }
        }
    }

    /// <summary>16 columns of eight rows of 8-bit elements.</summary>
    private static void DecodeEightBitRows(byte* quants, byte* halfScales, float* target)
    {
        var rows = stackalloc Vector256<byte>[4];
        GatherRows(quants, rows);
        var scales = stackalloc float[PackedMatrix.RowsPerGroup];
        HalfVectors.Widen(halfScales).Store(scales);
        for (var r = 0; r < PackedMatrix.RowsPerGroup; r++, target += Width)
        {
            var bytes = ((Vector128<sbyte>*)rows)[(r % 4 * 2) + (r / 4)];
            var scale = Vector256.Create(scales[r]);
            (scale * Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(bytes))).Store(target);
            (scale * Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(UpperHalf(bytes.AsByte()).AsSByte()))).Store(target + 8);
        }
    }

    /// <summary>Four vectors of eight rows x 4 bytes become, at index <c>2 (r mod 4) + r / 4</c>, the 16 bytes of row r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GatherRows(byte* quants, Vector256<byte>* rows)
    {
        var v0 = Avx.LoadVector256((int*)quants);
        var v1 = Avx.LoadVector256((int*)(quants + 32));
        var v2 = Avx.LoadVector256((int*)(quants + 64));
        var v3 = Avx.LoadVector256((int*)(quants + 96));
        var low01 = Avx2.UnpackLow(v0, v1).AsInt64();
        var high01 = Avx2.UnpackHigh(v0, v1).AsInt64();
        var low23 = Avx2.UnpackLow(v2, v3).AsInt64();
        var high23 = Avx2.UnpackHigh(v2, v3).AsInt64();
        rows[0] = Avx2.UnpackLow(low01, low23).AsByte();
        rows[1] = Avx2.UnpackHigh(low01, low23).AsByte();
        rows[2] = Avx2.UnpackLow(high01, high23).AsByte();
        rows[3] = Avx2.UnpackHigh(high01, high23).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> ToSingle(Vector128<byte> bytes) => Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(bytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> UpperHalf(Vector128<byte> bytes) => Sse2.ShiftRightLogical128BitLane(bytes, 8);
}

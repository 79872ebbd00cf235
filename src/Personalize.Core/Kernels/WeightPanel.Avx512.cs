using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <content>512-bit decoding of the quantized formats, a line of a panel at a time; bit-equal to the scalar definition.</content>
internal static unsafe partial class WeightPanel
{
    private const int FourBitColumnBytes = 32;

    /// <summary>Takes from two vectors of two times eight rows x 4 bytes the 16 bytes of rows 0 to 3, and with 4 more in each index those of rows 4 to 7.</summary>
    private static ReadOnlySpan<int> FirstRows => [0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18, 26, 3, 11, 19, 27];

    private static ReadOnlySpan<float> Digits => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

    /// <summary>As <see cref="DecodeColumnsScalar"/> for the groups <paramref name="group"/> and the one after it, side by side; false where the format has no such path.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool DecodeColumnsAvx512(in MatrixView matrix, int group, int column, int depth, float* target)
    {
        byte* first = matrix.Group(group), second = matrix.Group(group + 1);
        var block = column / PackedMatrix.ColumnsPerBlock;
        switch (matrix.Format)
        {
            case WeightFormat.Q4One:
                for (var k = 0; k < depth; k += PackedMatrix.ColumnsPerBlock, block++, target += PackedMatrix.ColumnsPerBlock * Width)
                {
                    byte* a = first + (block * 160L), b = second + (block * 160L);
                    var scale = Vector512.Create(HalfVectors.Widen(a), HalfVectors.Widen(b));
                    var offset = Vector512.Create(HalfVectors.Widen(a + 16), HalfVectors.Widen(b + 16));
                    var mask = Vector512.Create(15);
                    var line = target;
                    for (var j = 0; j < 4; j++)
                    {
                        var vector = Pair(a + 32 + (j * FourBitColumnBytes), b + 32 + (j * FourBitColumnBytes));
                        for (var i = 0; i < 4; i++, line += Width)
                        {
                            Vector512.FusedMultiplyAdd(scale, Vector512.ConvertToSingle(vector & mask), offset).Store(line);
                            vector = Vector512.ShiftRightLogical(vector, 4);
                            Vector512.FusedMultiplyAdd(scale, Vector512.ConvertToSingle(vector & mask), offset).Store(line + (16 * Width));
                            vector = Vector512.ShiftRightLogical(vector, 4);
                        }
                    }
                }

                return true;

            case WeightFormat.Q4Zero:
                for (var k = 0; k < depth; k += PackedMatrix.ColumnsPerBlock, block++, target += PackedMatrix.ColumnsPerBlock * Width)
                {
                    byte* a = first + (block * 144L), b = second + (block * 144L);
                    var scale = Vector512.Create(HalfVectors.Widen(a), HalfVectors.Widen(b));
                    var (mask, eight) = (Vector512.Create(15), Vector512.Create(8));
                    var line = target;
                    for (var j = 0; j < 4; j++)
                    {
                        var vector = Pair(a + 16 + (j * FourBitColumnBytes), b + 16 + (j * FourBitColumnBytes));
                        for (var i = 0; i < 4; i++, line += Width)
                        {
                            (scale * Vector512.ConvertToSingle((vector & mask) - eight)).Store(line);
                            vector = Vector512.ShiftRightLogical(vector, 4);
                            (scale * Vector512.ConvertToSingle((vector & mask) - eight)).Store(line + (16 * Width));
                            vector = Vector512.ShiftRightLogical(vector, 4);
                        }
                    }
                }

                return true;

            case WeightFormat.Q8Zero:
                for (var k = 0; k < depth; k += PackedMatrix.ColumnsPerBlock, block++)
                {
                    byte* a = first + (block * 272L), b = second + (block * 272L);
                    var scale = Vector512.Create(HalfVectors.Widen(a), HalfVectors.Widen(b));
                    for (var j = 0; j < 8; j++)
                    {
                        var vector = Pair(a + 16 + (32 * j), b + 16 + (32 * j));
                        for (var i = 3; i >= 0; i--, target += Width)
                        {
                            (scale * Vector512.ConvertToSingle(Vector512.ShiftRightArithmetic(Vector512.ShiftLeft(vector, 8 * i), 24))).Store(target);
                        }
                    }
                }

                return true;

            default:
                return false;
        }
    }

    /// <summary>As <see cref="DecodeRowsScalar"/> for eight rows; false where the format has no such path or the block of columns is not whole.</summary>
    /// <remarks>A row of a four-bit block has sixteen values at most: they are computed once, and each column looks its own up.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static bool DecodeRowsAvx512(in MatrixView matrix, int group, int column, float* first, float* second)
    {
        if (column + Span > matrix.Columns)
        {
            return false;
        }

        var at = matrix.Group(group);
        var block = column / PackedMatrix.ColumnsPerBlock;
        float* scales = stackalloc float[PackedMatrix.RowsPerGroup], offsets = stackalloc float[PackedMatrix.RowsPerGroup];
        var rows = stackalloc byte[2 * Vector512<byte>.Count];
        var digits = Load(Digits);
        switch (matrix.Format)
        {
            case WeightFormat.Q4One:
                at += block * 160L;
                FetchNext(at, 160);
                HalfVectors.Widen(at).Store(scales);
                HalfVectors.Widen(at + 16).Store(offsets);
                GatherRowsAvx512(at + 32, rows);
                for (var r = 0; r < PackedMatrix.RowsPerGroup; r++, first += Width, second += Width)
                {
                    LookUp(Vector512.FusedMultiplyAdd(Vector512.Create(scales[r]), digits, Vector512.Create(offsets[r])), rows + (r * 16), first, second);
                }

                return true;

            case WeightFormat.Q4Zero:
                at += block * 144L;
                FetchNext(at, 144);
                HalfVectors.Widen(at).Store(scales);
                GatherRowsAvx512(at + 16, rows);
                digits -= Vector512.Create(8f);
                for (var r = 0; r < PackedMatrix.RowsPerGroup; r++, first += Width, second += Width)
                {
                    LookUp(Vector512.Create(scales[r]) * digits, rows + (r * 16), first, second);
                }

                return true;

            case WeightFormat.Q8Zero:
                at += block * 272L;
                FetchNext(at, 272);
                HalfVectors.Widen(at).Store(scales);
                PutEightBitRows(at + 16, scales, rows, first);
                PutEightBitRows(at + 16 + 128, scales, rows, second);
                return true;

            default:
                return false;
        }
    }

    /// <summary>Asks for the block that the next columns of the same rows lie in. Rows are far apart, where no hardware foresees them; the second-level cache is near enough, since all tokens pass before it is wanted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FetchNext(byte* block, int bytes)
    {
        for (var at = 0; at < bytes; at += Vector512<byte>.Count)
        {
            Sse.Prefetch1(block + bytes + at);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Pair(byte* first, byte* second) => Vector512.Create(Vector256.Load((int*)first), Vector256.Load((int*)second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<T> Load<T>(ReadOnlySpan<T> values)
        where T : unmanaged => Vector512.LoadUnsafe(ref MemoryMarshal.GetReference(values));

    /// <summary>16 columns from the low halves of 16 bytes and 16 from the high ones; a look-up reads the last four bits of an index alone.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LookUp(Vector512<float> values, byte* quants, float* first, float* second)
    {
        var indices = Avx512F.ConvertToVector512Int32(Vector128.Load(quants));
        Avx512F.PermuteVar16x32(values, indices).Store(first);
        Avx512F.PermuteVar16x32(values, Vector512.ShiftRightLogical(indices, 4)).Store(second);
    }

    private static void PutEightBitRows(byte* quants, float* scales, byte* rows, float* target)
    {
        GatherRowsAvx512(quants, rows);
        for (var r = 0; r < PackedMatrix.RowsPerGroup; r++, target += Width)
        {
            (Vector512.Create(scales[r]) * Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)rows + (r * 16))))).Store(target);
        }
    }

    /// <summary>Four times eight rows x 4 bytes become eight rows x 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void GatherRowsAvx512(byte* quants, byte* rows)
    {
        var lower = Vector512.Load((int*)quants);
        var upper = Vector512.Load((int*)(quants + 64));
        var indices = Load(FirstRows);
        Avx512F.PermuteVar16x32x2(lower, indices, upper).AsByte().Store(rows);
        Avx512F.PermuteVar16x32x2(lower, indices + Vector512.Create(4), upper).AsByte().Store(rows + Vector512<byte>.Count);
    }
}

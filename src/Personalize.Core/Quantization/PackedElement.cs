using System.Runtime.CompilerServices;

namespace Personalize.Core.Quantization;

/// <summary>Reads single elements of a packed matrix: the scalar definition of the packed layout.</summary>
internal static unsafe class PackedElement
{
    /// <summary>Decodes the element at (row, column).</summary>
    public static float Read(in MatrixView matrix, int row, int column)
    {
        var group = matrix.Group(row / PackedMatrix.RowsPerGroup);
        var lane = row % PackedMatrix.RowsPerGroup;
        var block = column / PackedMatrix.ColumnsPerBlock;
        var k = column % PackedMatrix.ColumnsPerBlock;
        switch (matrix.Format)
        {
            case WeightFormat.Q4Zero:
                {
                    var at = group + (block * 144L);
                    return Half(at, lane) * (Nibble(at + 16, lane, k) - 8);
                }

            case WeightFormat.Q4One:
                {
                    // One fused rounding, as in the vector kernels.
                    var at = group + (block * 160L);
                    return MathF.FusedMultiplyAdd(Half(at, lane), Nibble(at + 32, lane, k), Half(at + 16, lane));
                }

            case WeightFormat.Q8Zero:
                {
                    var at = group + (block * 272L);
                    return Half(at, lane) * ((sbyte*)at)[16 + (k / 4 * 32) + (lane * 4) + (k % 4)];
                }

            case WeightFormat.Float16:
                return Half(group + (column * 16L), lane);
            case WeightFormat.BFloat16:
                return BitConverter.UInt32BitsToSingle((uint)((ushort*)group)[(column * 8L) + lane] << 16);
            default:
                return ((float*)group)[(column * 8L) + lane];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Half(byte* at, int lane) => (float)((Half*)at)[lane];

    private static int Nibble(byte* quants, int lane, int k)
    {
        var value = quants[(k % 16 / 4 * 32) + (lane * 4) + (k % 4)];
        return k < 16 ? value & 15 : value >> 4;
    }
}

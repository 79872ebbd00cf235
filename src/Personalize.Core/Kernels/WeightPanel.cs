using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// Decodes a tile of a packed weight W for the two directions of a linear map: by columns, <c>tile[k, r] = W[row + r, column + k]</c>, for <c>x W^T</c>;
/// by rows, <c>tile[n, j] = W[row + n, column + j]</c>, for <c>dy W</c>. A tile is <see cref="Span"/> wide and lies in two panels of <see cref="Width"/> floats a line,
/// the second after the last line of the first, so that one panel fills consecutive lines of the first-level cache.
/// </summary>
internal static unsafe partial class WeightPanel
{
    /// <summary>Floats in a line of a panel.</summary>
    public const int Width = 16;

    /// <summary>How many rows or columns the two panels of a tile cover: four groups of rows, or one block of columns.</summary>
    public const int Span = 2 * Width;

    /// <summary>Decodes 32 rows from <paramref name="row"/> (a multiple of 32; rows past the end are zero) over <paramref name="depth"/> columns from <paramref name="column"/> (a multiple of 32).</summary>
    /// <param name="matrix">W.</param>
    /// <param name="row">The first row.</param>
    /// <param name="column">The first column.</param>
    /// <param name="depth">How many columns.</param>
    /// <param name="panel">Receives the two panels.</param>
    /// <param name="lines">How many lines a panel has, at least <paramref name="depth"/>; what is beyond is left alone.</param>
    public static void DecodeColumns(in MatrixView matrix, int row, int column, int depth, float* panel, int lines)
    {
        var groups = Math.Min(Span / PackedMatrix.RowsPerGroup, matrix.GroupCount - (row / PackedMatrix.RowsPerGroup));
        for (var g = 0; g < Span / PackedMatrix.RowsPerGroup; g++)
        {
            var target = panel + (g / 2 * lines * Width) + (g % 2 * PackedMatrix.RowsPerGroup);
            if (g >= groups)
            {
                for (var k = 0; k < depth; k++)
                {
                    new System.Span<float>(target + (k * Width), PackedMatrix.RowsPerGroup).Clear();
                }
            }
            else if (g % 2 == 0 && g + 1 < groups && InstructionSets.HasAvx512 && DecodeColumnsAvx512(matrix, (row / PackedMatrix.RowsPerGroup) + g, column, depth, target))
            {
                g++;
            }
            else if (!InstructionSets.HasAvx2 || !DecodeColumnsVector(matrix, (row / PackedMatrix.RowsPerGroup) + g, column, depth, target))
            {
                DecodeColumnsScalar(matrix, (row / PackedMatrix.RowsPerGroup) + g, column, depth, target);
            }
        }
    }

    /// <summary>Decodes <paramref name="count"/> rows from <paramref name="row"/> (a multiple of 8) over the 32 columns from <paramref name="column"/> (a multiple of 32; columns past the end are zero).</summary>
    /// <param name="matrix">W.</param>
    /// <param name="row">The first row.</param>
    /// <param name="count">How many rows.</param>
    /// <param name="column">The first column.</param>
    /// <param name="panel">Receives the two panels.</param>
    /// <param name="lines">How many lines a panel has, at least <paramref name="count"/>; what is beyond is left alone.</param>
    public static void DecodeRows(in MatrixView matrix, int row, int count, int column, float* panel, int lines)
    {
        var columns = Math.Min(Span, matrix.Columns - column);
        var second = panel + ((long)lines * Width);
        for (var n = 0; n < count; n += PackedMatrix.RowsPerGroup)
        {
            var rows = Math.Min(PackedMatrix.RowsPerGroup, count - n);
            var offset = n * Width;
            if (rows == PackedMatrix.RowsPerGroup && InstructionSets.HasAvx512 && DecodeRowsAvx512(matrix, (row + n) / PackedMatrix.RowsPerGroup, column, panel + offset, second + offset))
            {
                continue;
            }

            if (rows < PackedMatrix.RowsPerGroup || !InstructionSets.HasAvx2 || !DecodeRowsVector(matrix, (row + n) / PackedMatrix.RowsPerGroup, column, panel + offset, second + offset))
            {
                DecodeRowsScalar(matrix, row + n, rows, column, columns, panel + offset, second + offset);
            }
        }
    }

    /// <summary>The definition of <see cref="DecodeColumns"/> for one group of eight rows.</summary>
    internal static void DecodeColumnsScalar(in MatrixView matrix, int group, int column, int depth, float* target)
    {
        for (var k = 0; k < depth; k++)
        {
            for (var r = 0; r < PackedMatrix.RowsPerGroup; r++)
            {
                target[(k * Width) + r] = PackedElement.Read(matrix, (group * PackedMatrix.RowsPerGroup) + r, column + k);
            }
        }
    }

    /// <summary>The definition of <see cref="DecodeRows"/>.</summary>
    internal static void DecodeRowsScalar(in MatrixView matrix, int row, int rows, int column, int columns, float* first, float* second)
    {
        for (var n = 0; n < rows; n++)
        {
            for (var j = 0; j < Span; j++)
            {
                (j < Width ? first : second)[(n * Width) + (j % Width)] = j < columns ? PackedElement.Read(matrix, row + n, column + j) : 0f;
            }
        }
    }
}

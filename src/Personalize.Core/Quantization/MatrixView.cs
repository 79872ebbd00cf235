namespace Personalize.Core.Quantization;

/// <summary>A packed matrix as kernels see it: raw memory and its shape. Valid as long as the <see cref="PackedMatrix"/> it came from.</summary>
/// <param name="Data">The packed bytes, row group after row group.</param>
/// <param name="Rows">The size of the output.</param>
/// <param name="Columns">The size of the input.</param>
/// <param name="Format">How elements are stored.</param>
/// <param name="GroupStride">Bytes from one group of eight rows to the next.</param>
public readonly unsafe record struct MatrixView(nint Data, int Rows, int Columns, WeightFormat Format, long GroupStride)
{
    /// <summary>How many groups of eight rows there are; the last one may be padded with zeros.</summary>
    public int GroupCount => (Rows + PackedMatrix.RowsPerGroup - 1) / PackedMatrix.RowsPerGroup;

    /// <summary>The first byte of a group of eight rows.</summary>
    /// <param name="group">The group, counted from 0.</param>
    /// <returns>A pointer into the packed bytes.</returns>
    public byte* Group(int group) => (byte*)Data + (group * GroupStride);
}

using System.Runtime.InteropServices;

namespace Personalize.Training.Weights;

/// <summary>Where one tensor lies in the flat vectors of <see cref="TrainableWeights"/>.</summary>
/// <param name="Start">The index of its first element.</param>
/// <param name="Rows">The rows of a matrix; 1 for a vector.</param>
/// <param name="Columns">The columns of a matrix; the elements of a vector.</param>
/// <param name="IsMatrix">Whether it is a matrix, which weight decay applies to.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct WeightSlot(long Start, int Rows, int Columns, bool IsMatrix)
{
    public long Length => (long)Rows * Columns;
}

using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>A <see cref="LowRankTerm"/> in 8 bits, a quarter of single precision's bytes beside weights of 4 bits. Raw memory of a <see cref="LowRankPair"/>.</summary>
/// <param name="Down">A, <c>[rank, in]</c>, packed as weights of 8 bits are: its product with the rounded input is one more group of rows.</param>
/// <param name="Up">B in groups of eight rows, <c>[groups, rank / 4, 8, 4]</c>, integers: four of the rank lie together, as an integer product takes them.</param>
/// <param name="UpScales">What each group's integers are multiplied with, the adapter's scale included, <c>[groups]</c>.</param>
internal readonly record struct ServedLowRankTerm(MatrixView Down, nint Up, nint UpScales)
{
    /// <summary>The rank, padded to a multiple of eight; 0 where there is no adapter.</summary>
    public int Rank => Down.Rows;
}

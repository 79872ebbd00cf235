using System.Runtime.InteropServices;

namespace Personalize.Core.Kernels;

/// <summary>A product of low rank that is added to that of a weight, <c>left[tokens, rank] right[rank, n]</c>: further summed indices of the same tiles, so that nothing is read or written once more for it.</summary>
/// <param name="Left">The address of <c>[tokens, rank]</c> floats, contiguous rows.</param>
/// <param name="Right">The address of <c>[rank, n]</c> floats, contiguous rows.</param>
/// <param name="Rank">The rank; 0 adds nothing.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct LowRankAddend(nint Left, nint Right, int Rank);

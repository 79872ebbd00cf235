namespace Personalize.Core.Kernels;

/// <summary>What an adapter adds to a product, <c>y[n] += sum over r of h[r] * B[n, r]</c> with the scale folded into B, in single precision. Raw memory of a <see cref="LowRankPair"/>.</summary>
/// <param name="Down">A transposed, <c>[in, rank]</c>.</param>
/// <param name="Up">B in groups of eight rows, <c>[groups, rank, 8]</c>, times the adapter's scale.</param>
/// <param name="Rank">The rank, padded to a multiple of eight.</param>
internal readonly record struct LowRankTerm(nint Down, nint Up, int Rank);

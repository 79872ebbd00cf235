namespace Personalize.Core.Kernels;

/// <summary>What an adapter adds to a product, <c>y[n] += sum over r of h[r] * B[n, r]</c> with the scale folded into B. Raw memory of a <see cref="LowRankPair"/>, in one of two formats.</summary>
/// <param name="Down">A transposed, <c>[in, rank]</c>, in single precision; zero for the other format.</param>
/// <param name="Up">B in groups of eight rows, <c>[groups, rank, 8]</c>, times the adapter's scale, in single precision.</param>
/// <param name="HalfDown">A in bfloat16; zero for the other format.</param>
/// <param name="HalfUp">B in bfloat16.</param>
/// <param name="Rank">The rank, padded to a multiple of eight.</param>
internal readonly record struct LowRankTerm(nint Down, nint Up, nint HalfDown, nint HalfUp, int Rank);

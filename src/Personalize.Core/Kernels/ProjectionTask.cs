using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>A <see cref="Projection"/> as the kernels see it: raw pointers, valid while what they point into lives.</summary>
internal unsafe struct ProjectionTask
{
    /// <summary>W, <c>[rows, columns]</c>.</summary>
    public MatrixView Weight;

    /// <summary>The result, <c>[tokens, rows]</c>.</summary>
    public float* Output;

    /// <summary>A bias for each row, or null.</summary>
    public float* Bias;

    /// <summary>The adapter's inner products, <c>[tokens, rank]</c>; null without an adapter.</summary>
    public float* LowRankInput;

    /// <summary>The adapter's pair; meaningful where <see cref="LowRankInput"/> is not null.</summary>
    public LowRankTerm LowRank;
}

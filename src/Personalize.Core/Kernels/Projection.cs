using Personalize.Core.Models;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>One of the linear maps that share an input: <c>y = W x (+ bias) (+ B (A x))</c>.</summary>
/// <param name="weight">W, <c>[rows, columns]</c>.</param>
/// <param name="output">The result, <c>[tokens, rows]</c>, contiguous.</param>
/// <param name="bias">A bias for each row, or null; that of a pair that has one takes its place.</param>
/// <param name="pair">An adapter's pair, or null.</param>
public readonly unsafe ref struct Projection(PackedMatrix weight, float* output, WeightVector? bias = null, LowRankPair? pair = null)
{
    /// <summary>W, <c>[rows, columns]</c>.</summary>
    public PackedMatrix Weight { get; } = weight;

    /// <summary>The result, <c>[tokens, rows]</c>, contiguous.</summary>
    public float* Output { get; } = output;

    /// <summary>A bias for each row, or null.</summary>
    public WeightVector? Bias { get; } = bias;

    /// <summary>An adapter's pair, or null.</summary>
    public LowRankPair? Pair { get; } = pair;
}

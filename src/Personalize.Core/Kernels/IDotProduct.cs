using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Exact integer dot products within a lane of 32 bits, the one step in which instruction sets differ.</summary>
internal interface IDotProduct
{
    /// <summary>Starts a running sum of products of four weights of 4 bits with four activations of 8; at most eight are summed before <see cref="Total"/>.</summary>
    static abstract Vector256<int> Multiply(Vector256<byte> weights, Vector256<sbyte> x);

    /// <summary>Continues a running sum in whatever form <see cref="Multiply"/> began it.</summary>
    static abstract Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x);

    /// <summary>The running sum as eight numbers.</summary>
    static abstract Vector256<int> Total(Vector256<int> sum);

    /// <summary><c>sum + w[0] x[0] + w[1] x[1]</c> in each lane.</summary>
    static abstract Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<short> weights, Vector256<short> x);
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>AVX2: pairs of products (at most 2 * 15 * 127) are summed in 16 bits, where eight of them fit, and widened once a block.</summary>
internal readonly struct Avx2DotProduct : IDotProduct
{
    public static bool SumsWide => false;

    public static int Excess => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> start) => Vector256<int>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => (sum.AsInt16() + Avx2.MultiplyAddAdjacent(weights, x)).AsInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> start, Vector256<int> sum) => start + Avx2.MultiplyAddAdjacent(sum.AsInt16(), Vector256.Create((short)1));

    /// <summary>The weights' magnitudes; their signs go to x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Unsigned(Vector256<sbyte> weights) => Avx2.Abs(weights);

    /// <summary>Two products are at most 2 * 128 * 127, which fits in 16 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<sbyte> weights, Vector256<byte> unsigned, Vector256<sbyte> x) =>
        sum + Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(unsigned, Avx2.Sign(x, weights)), Vector256.Create((short)1));
}

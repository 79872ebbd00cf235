using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Any processor with vectors of 128 bits, ARM's included: the parts of a lane are moved to its ends and multiplied in 32 bits.</summary>
internal readonly struct PortableDotProduct : IDotProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Multiply(Vector256<byte> weights, Vector256<sbyte> x)
    {
        var w = weights.AsInt32();
        var a = x.AsInt32();
        var low = Vector256.Create(0xFF);
        return ((w & low) * ((a << 24) >> 24))
            + (((w >>> 8) & low) * ((a << 16) >> 24))
            + (((w >>> 16) & low) * ((a << 8) >> 24))
            + ((w >>> 24) * (a >> 24));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => sum + Multiply(weights, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> sum) => sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<short> weights, Vector256<short> x)
    {
        var w = weights.AsInt32();
        var a = x.AsInt32();
        return sum + (((w << 16) >> 16) * ((a << 16) >> 16)) + ((w >> 16) * (a >> 16));
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Any processor with vectors of 128 bits, ARM's included: the parts of a lane are moved to its ends and multiplied in 32 bits.</summary>
internal readonly struct PortableDotProduct : IDotProduct
{
    public static bool SumsWide => false;

    public static int Excess => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> start) => start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x)
    {
        var w = weights.AsInt32();
        var a = x.AsInt32();
        var low = Vector256.Create(0xFF);
        return sum
            + ((w & low) * ((a << 24) >> 24))
            + (((w >>> 8) & low) * ((a << 16) >> 24))
            + (((w >>> 16) & low) * ((a << 8) >> 24))
            + ((w >>> 24) * (a >> 24));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> start, Vector256<int> sum) => sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Unsigned(Vector256<sbyte> weights) => weights.AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<sbyte> weights, Vector256<byte> unsigned, Vector256<sbyte> x)
    {
        var w = weights.AsInt32();
        var a = x.AsInt32();
        return sum
            + (((w << 24) >> 24) * ((a << 24) >> 24))
            + (((w << 16) >> 24) * ((a << 16) >> 24))
            + (((w << 8) >> 24) * ((a << 8) >> 24))
            + ((w >> 24) * (a >> 24));
    }
}

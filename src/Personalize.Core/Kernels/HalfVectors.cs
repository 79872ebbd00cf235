using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Widens eight half-precision numbers by moving their bits: there is no conversion instruction to call from managed code.</summary>
internal static unsafe class HalfVectors
{
    /// <summary>2^112: the difference between the exponent biases of the two formats.</summary>
    private const float Rebias = 5.192296858534828e33f;

    /// <summary>Exact for every finite half, subnormals included; infinities and NaN become large finite numbers, which loading has refused before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(byte* halves)
    {
        var wide = Vector256.WidenLower(Vector128.Load((short*)halves).ToVector256Unsafe());
        return Vector256.BitwiseAnd(Vector256.ShiftLeft(wide, 13), Vector256.Create(unchecked((int)0x8FFF_E000))).AsSingle() * Vector256.Create(Rebias);
    }
}

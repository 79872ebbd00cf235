using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>Converts eight half-precision numbers by moving their bits: there is no conversion instruction to call from managed code.</summary>
internal static unsafe class HalfVectors
{
    /// <summary>2^112: the difference between the exponent biases of the two formats.</summary>
    public const float Rebias = 5.192296858534828e33f;

    /// <summary>65504 as the bits of a float.</summary>
    private const uint LargestHalf = 0x477F_E000;

    /// <summary>2^-14 as the bits of a float.</summary>
    private const uint SmallestNormalHalf = 0x3880_0000;

    /// <summary>Sign and magnitude after the shift.</summary>
    private const uint SignAndMagnitude = 0x8FFF_E000;

    /// <summary>Eight times <see cref="SignAndMagnitude"/>. In memory and not a constant, so that it takes no register from kernels that have none to spare.</summary>
    private static ReadOnlySpan<uint> SignsAndMagnitudes => [SignAndMagnitude, SignAndMagnitude, SignAndMagnitude, SignAndMagnitude, SignAndMagnitude, SignAndMagnitude, SignAndMagnitude, SignAndMagnitude];

    /// <summary>Exact for every finite half, subnormals included; infinities and NaN become large finite numbers, which loading has refused before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(byte* halves) => WidenUnscaled(halves) * Vector256.Create(Rebias);

    /// <summary>As <see cref="Widen"/>, but divided by <see cref="Rebias"/>, for whoever has another factor to put it into.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> WidenUnscaled(byte* halves)
    {
        var wide = Vector256.WidenLower(Vector128.Load((short*)halves).ToVector256Unsafe());
        return Vector256.BitwiseAnd(Vector256.ShiftLeft(wide, 13).AsUInt32(), Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(SignsAndMagnitudes))).AsSingle();
    }

    /// <summary>As <see cref="WidenUnscaled(byte*)"/>, sixteen at once; only where there are 512-bit vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> WidenUnscaled(Vector256<short> halves) =>
        (Vector512.ShiftLeft(Avx512F.ConvertToVector512Int32(halves), 13) & Vector512.Create(SignAndMagnitude).AsInt32()).AsSingle();

    /// <summary>
    /// Rounds to the nearest half, ties to even; what is beyond the largest half becomes it. The numbers must be finite.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Narrow(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var sign = Vector256.ShiftRightLogical(bits, 16) & Vector256.Create(0x8000u);
        var magnitude = Vector256.Min(bits & Vector256.Create(0x7FFF_FFFFu), Vector256.Create(LargestHalf));

        // Half of the last kept place, less one where that is even, carries into it exactly where the number has to be rounded up.
        var odd = Vector256.ShiftRightLogical(magnitude, 13) & Vector256.Create(1u);
        var normal = Vector256.ShiftRightLogical(magnitude + odd + Vector256.Create(unchecked(0xFFFu - (112u << 23))), 13);

        // Below 2^-14 halves are multiples of 2^-24, which is the last place of a float from 0.5 on: the addition rounds.
        var subnormal = (magnitude.AsSingle() + Vector256.Create(0.5f)).AsUInt32() - Vector256.Create(0x3F00_0000u);
        var half = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(SmallestNormalHalf)), subnormal, normal) | sign;
        return Vector128.Narrow(half.GetLower(), half.GetUpper());
    }

    /// <summary>The definition of <see cref="Narrow"/>.</summary>
    public static ushort NarrowScalar(float value) => BitConverter.HalfToUInt16Bits((Half)Math.Clamp(value, -65504f, 65504f));
}

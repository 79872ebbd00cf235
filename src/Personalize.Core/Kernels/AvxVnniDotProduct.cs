using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Personalize.Core.Kernels;

/// <summary>AVX-VNNI: one instruction multiplies and adds in 32 bits.</summary>
internal readonly struct AvxVnniDotProduct : IDotProduct
{
    public static bool SumsWide => true;

    public static int Excess => 128;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Begin(Vector256<int> start) => start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<byte> weights, Vector256<sbyte> x) => AvxVnni.MultiplyWideningAndAdd(sum, weights, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Total(Vector256<int> start, Vector256<int> sum) => sum;

    /// <summary>Weights plus 128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Unsigned(Vector256<sbyte> weights) => weights.AsByte() ^ Vector256.Create((byte)0x80);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<sbyte> weights, Vector256<byte> unsigned, Vector256<sbyte> x) => AvxVnni.MultiplyWideningAndAdd(sum, unsigned, x);
}

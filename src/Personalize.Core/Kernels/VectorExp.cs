using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>The exponential function of eight numbers in single precision: <c>exp(x) = 2^n p(r)</c> with <c>n = round(x / ln 2)</c>, <c>r = x - n ln 2</c> and a polynomial of degree 7 (coefficients of the Cephes library).</summary>
/// <remarks>
/// Within 2 units in the last place of the exact value. Below -87.3, where a result would be subnormal, it is 0; above 88.3 it stays at 2.2e38; NaN stays NaN. The framework's own function computes in double precision behind a call
/// and takes about four times as long. Every machine gives the same bits.
/// </remarks>
public static class VectorExp
{
    private const float Lowest = -87.33654f;
    private const float Highest = 88.3f;
    private const float InverseLn2 = 1.44269504f;

    // ln 2 in two parts, the first with so few bits that its product with n is exact.
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;
    private const float C2 = 5.0000001201e-1f;
    private const float C3 = 1.6666665459e-1f;
    private const float C4 = 4.1665795894e-2f;
    private const float C5 = 8.3334519073e-3f;
    private const float C6 = 1.3981999507e-3f;
    private const float C7 = 1.9875691500e-4f;

    /// <summary>Eight exponentials.</summary>
    /// <param name="x">The exponents.</param>
    /// <returns><c>exp(x)</c>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // The bound first: of two numbers that do not compare the second is taken, so NaN passes.
        var bounded = Vector256.MinNative(Vector256.Create(Highest), Vector256.MaxNative(Vector256.Create(Lowest), x));
        var n = Vector256.Round(bounded * Vector256.Create(InverseLn2));
        var r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-Ln2High), bounded);
        r = Vector256.FusedMultiplyAdd(n, Vector256.Create(-Ln2Low), r);
        var p = Vector256.FusedMultiplyAdd(Vector256.Create(C7), r, Vector256.Create(C6));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(C5));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(C4));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(C3));
        p = Vector256.FusedMultiplyAdd(p, r, Vector256.Create(C2));
        p = Vector256.FusedMultiplyAdd(p, r * r, r) + Vector256<float>.One;
        var power = Vector256.ShiftLeft(Vector256.ConvertToInt32Native(n) + Vector256.Create(127), 23).AsSingle();
        return Vector256.AndNot(p * power, Vector256.LessThan(x, Vector256.Create(Lowest)));
    }

    /// <summary>Sixteen exponentials, with the bits that <see cref="Exp(Vector256{float})"/> gives.</summary>
    /// <param name="x">The exponents.</param>
    /// <returns><c>exp(x)</c>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var bounded = Vector512.MinNative(Vector512.Create(Highest), Vector512.MaxNative(Vector512.Create(Lowest), x));
        var n = Vector512.Round(bounded * Vector512.Create(InverseLn2));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), bounded);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(C7), r, Vector512.Create(C6));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(C5));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(C4));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(C3));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(C2));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n) + Vector512.Create(127), 23).AsSingle();
        return Vector512.AndNot(p * power, Vector512.LessThan(x, Vector512.Create(Lowest)));
    }

    /// <summary>One exponential, with the bits that <see cref="Exp(Vector256{float})"/> gives.</summary>
    /// <param name="x">The exponent.</param>
    /// <returns><c>exp(x)</c>.</returns>
    public static float Exp(float x)
    {
        if (float.IsNaN(x) || x < Lowest)
        {
            return float.IsNaN(x) ? x : 0f;
        }

        var bounded = MathF.Min(Highest, x);
        var n = MathF.Round(bounded * InverseLn2);
        var r = MathF.FusedMultiplyAdd(n, -Ln2High, bounded);
        r = MathF.FusedMultiplyAdd(n, -Ln2Low, r);
        var p = MathF.FusedMultiplyAdd(C7, r, C6);
        p = MathF.FusedMultiplyAdd(p, r, C5);
        p = MathF.FusedMultiplyAdd(p, r, C4);
        p = MathF.FusedMultiplyAdd(p, r, C3);
        p = MathF.FusedMultiplyAdd(p, r, C2);
        p = MathF.FusedMultiplyAdd(p, r * r, r) + 1f;
        return p * BitConverter.Int32BitsToSingle(((int)n + 127) << 23);
    }
}

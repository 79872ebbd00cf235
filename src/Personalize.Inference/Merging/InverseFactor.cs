using System.Numerics;
using System.Runtime.InteropServices;

namespace Personalize.Inference.Merging;

/// <summary>The upper triangular factor U of an inverse, <c>H^-1 = U^T U</c>, which tells error feedback how to spread an error over later columns (arXiv 2210.17323, algorithm 1).</summary>
/// <remarks>
/// With both orders of H reversed and its Cholesky factor L taken, <c>U[i, j] = L^-1[n-1-i, n-1-j]</c>: one factorization and one triangular inverse, in double precision.
/// </remarks>
internal static class InverseFactor
{
    /// <summary>A hundredth of the mean diagonal is added to H, as the paper does, so that directions without inputs stay bounded.</summary>
    private const double Damping = 0.01;

    /// <summary>Factors.</summary>
    /// <param name="h">Symmetric and not negative definite, <c>[n, n]</c>.</param>
    /// <param name="n">The size.</param>
    /// <param name="u">Receives U, <c>[n, n]</c>, zero below the diagonal.</param>
    public static void Compute(ReadOnlySpan<float> h, int n, Span<float> u)
    {
        var trace = 0d;
        for (var i = 0; i < n; i++)
        {
            trace += h[(i * n) + i];
        }

        // Without any input all columns count alike.
        var damping = trace > 0 ? Damping * trace / n : 1;
        var factor = new double[(long)n * n];
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                factor[(i * n) + j] = h[((n - 1 - i) * n) + (n - 1 - j)] + (i == j ? damping : 0);
            }
        }

        Decompose(factor, n, damping / 100);
        Invert(factor, n);
        u.Clear();
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                u[((n - 1 - i) * n) + (n - 1 - j)] = (float)factor[(i * n) + j];
            }
        }
    }

    // H = L L^T, row by row; L replaces the lower triangle.
    private static void Decompose(double[] a, int n, double floor)
    {
        for (var i = 0; i < n; i++)
        {
            var row = a.AsSpan(i * n, i + 1);
            for (var j = 0; j < i; j++)
            {
                row[j] = (row[j] - Dot(row[..j], a.AsSpan(j * n, j))) / a[(j * n) + j];
            }

            // Rounding of the sums in H may push a direction without inputs below the damping it got.
            row[i] = Math.Sqrt(Math.Max(row[i] - Dot(row[..i], row[..i]), floor));
        }
    }

    // L^-1 replaces L: row i of the inverse is -(sum over k < i of L[i, k] * row k) / L[i, i], and 1 / L[i, i] at its end.
    private static void Invert(double[] a, int n)
    {
        var sum = new double[n];
        for (var i = 0; i < n; i++)
        {
            var row = a.AsSpan(i * n, i + 1);
            var inverse = 1 / row[i];
            sum.AsSpan(0, i).Clear();
            for (var k = 0; k < i; k++)
            {
                AddScaled(sum.AsSpan(0, k + 1), a.AsSpan(k * n, k + 1), row[k]);
            }

            for (var j = 0; j < i; j++)
            {
                row[j] = -sum[j] * inverse;
            }

            row[i] = inverse;
        }
    }

    private static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var sum = Vector<double>.Zero;
        var left = MemoryMarshal.Cast<double, Vector<double>>(x);
        var right = MemoryMarshal.Cast<double, Vector<double>>(y);
        for (var i = 0; i < left.Length; i++)
        {
            sum += left[i] * right[i];
        }

        var total = Vector.Sum(sum);
        for (var i = left.Length * Vector<double>.Count; i < x.Length; i++)
        {
            total += x[i] * y[i];
        }

        return total;
    }

    private static void AddScaled(Span<double> sum, ReadOnlySpan<double> x, double factor)
    {
        var sums = MemoryMarshal.Cast<double, Vector<double>>(sum);
        var terms = MemoryMarshal.Cast<double, Vector<double>>(x);
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += terms[i] * factor;
        }

        for (var i = sums.Length * Vector<double>.Count; i < x.Length; i++)
        {
            sum[i] += x[i] * factor;
        }
    }
}

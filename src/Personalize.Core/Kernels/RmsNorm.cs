using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Root-mean-square normalization, <c>y = x / sqrt(mean(x^2) + epsilon) * weight</c> (arXiv 1910.07467).</summary>
public static unsafe class RmsNorm
{
    /// <summary>Normalizes each row; in place when y is x.</summary>
    /// <param name="x">The input <c>[tokens, size]</c>.</param>
    /// <param name="weight">The gain <c>[size]</c>.</param>
    /// <param name="y">The result <c>[tokens, size]</c>.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="size">The length of a row.</param>
    /// <param name="epsilon">What keeps the root away from zero.</param>
    public static void Forward(float* x, float* weight, float* y, int tokens, int size, float epsilon)
    {
        for (var token = 0; token < tokens; token++, x += size, y += size)
        {
            var scale = InverseRootMeanSquare(x, size, epsilon);
            var factor = Vector256.Create(scale);
            var i = 0;
            for (; i + 8 <= size; i += 8)
            {
                (Vector256.Load(x + i) * factor * Vector256.Load(weight + i)).Store(y + i);
            }

            for (; i < size; i++)
            {
                y[i] = x[i] * scale * weight[i];
            }
        }
    }

    /// <summary><c>1 / sqrt(mean(x^2) + epsilon)</c> of one row; eight partial sums in a fixed order, so every machine gives the same bits.</summary>
    /// <param name="x">The row.</param>
    /// <param name="size">Its length.</param>
    /// <param name="epsilon">What keeps the root away from zero.</param>
    /// <returns>The factor a row is multiplied with before the gain.</returns>
    public static float InverseRootMeanSquare(float* x, int size, float epsilon)
    {
        var squares = Vector256<float>.Zero;
        var i = 0;
        for (; i + 8 <= size; i += 8)
        {
            var value = Vector256.Load(x + i);
            squares = Vector256.FusedMultiplyAdd(value, value, squares);
        }

        var sum = Vector256.Sum(squares);
        for (; i < size; i++)
        {
            sum = MathF.FusedMultiplyAdd(x[i], x[i], sum);
        }

        return 1f / MathF.Sqrt((sum / size) + epsilon);
    }

    /// <summary>The definition, for one row.</summary>
    internal static void Scalar(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, Span<float> y, float epsilon)
    {
        var sum = 0d;
        foreach (var value in x)
        {
            sum += (double)value * value;
        }

        var scale = 1d / Math.Sqrt((sum / x.Length) + epsilon);
        for (var i = 0; i < x.Length; i++)
        {
            y[i] = (float)(x[i] * scale * weight[i]);
        }
    }
}

namespace Personalize.Training.Optimizers;

/// <summary>Scales gradients down to a global norm, as PyTorch's <c>clip_grad_norm_</c> does.</summary>
internal static class GradientClipping
{
    /// <summary>PyTorch adds this to the norm before it divides.</summary>
    private const double NormOffset = 1e-6;

    /// <summary>The Euclidean norm of all gradients, summed in double precision in order.</summary>
    public static double GlobalNorm(ReadOnlySpan<float> gradients)
    {
        // Four running sums in a fixed pattern: the order never depends on the machine's vector width.
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        var i = 0;
        for (; i + 4 <= gradients.Length; i += 4)
        {
            double a = gradients[i], b = gradients[i + 1], c = gradients[i + 2], d = gradients[i + 3];
            s0 += a * a;
            s1 += b * b;
            s2 += c * c;
            s3 += d * d;
        }

        for (; i < gradients.Length; i++)
        {
            s0 += (double)gradients[i] * gradients[i];
        }

        return Math.Sqrt(s0 + s1 + (s2 + s3));
    }

    /// <summary>What gradients of norm <paramref name="norm"/> are multiplied with: <c>min(1, maximum / (norm + 1e-6))</c>; 1 where <paramref name="maximum"/> is 0, which stands for no clipping.</summary>
    public static float Factor(double norm, double maximum) =>
        maximum > 0 ? (float)Math.Min(1, maximum / (norm + NormOffset)) : 1;
}

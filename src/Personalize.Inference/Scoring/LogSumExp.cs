using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Scoring;

/// <summary><c>ln sum_i exp(logits[i])</c>, with the largest logit taken out first so that nothing overflows.</summary>
public static class LogSumExp
{
    /// <summary>Computes it.</summary>
    /// <param name="logits">At least one.</param>
    /// <returns>NaN when a logit is NaN.</returns>
    public static double Compute(ReadOnlySpan<float> logits)
    {
        var maximum = LogitMaximum.Find(logits);
        ref var start = ref MemoryMarshal.GetReference(logits);
        var offset = Vector256.Create(maximum);
        var sum = Vector256<double>.Zero;
        var i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var weight = VectorExp.Exp(Vector256.LoadUnsafe(ref start, (nuint)i) - offset);
            sum += Vector256.WidenLower(weight) + Vector256.WidenUpper(weight);
        }

        var total = Vector256.Sum(sum);
        for (; i < logits.Length; i++)
        {
            total += VectorExp.Exp(logits[i] - maximum);
        }

        return maximum + Math.Log(total);
    }

    /// <summary>The reference of <see cref="Compute"/>.</summary>
    internal static double ComputeScalar(ReadOnlySpan<float> logits)
    {
        var maximum = LogitMaximum.FindScalar(logits);
        double total = 0;
        foreach (var logit in logits)
        {
            total += Math.Exp((double)logit - maximum);
        }

        return maximum + Math.Log(total);
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Inference.Sampling;

/// <summary>Unnormalized probabilities out of logits.</summary>
internal static class Exponential
{
    /// <summary><c>weights[i] = exp((logits[i] - maximum) * inverseTemperature)</c>; the spans may be the same.</summary>
    /// <returns>The sum of the weights, added up in double precision.</returns>
    public static double Apply(ReadOnlySpan<float> logits, float maximum, float inverseTemperature, Span<float> weights)
    {
        ref var source = ref MemoryMarshal.GetReference(logits);
        ref var target = ref MemoryMarshal.GetReference(weights);
        var offset = Vector256.Create(maximum);
        var scale = Vector256.Create(inverseTemperature);
        var sum = Vector256<double>.Zero;
        var i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var weight = VectorExp.Exp((Vector256.LoadUnsafe(ref source, (nuint)i) - offset) * scale);
            weight.StoreUnsafe(ref target, (nuint)i);
            sum += Vector256.WidenLower(weight) + Vector256.WidenUpper(weight);
        }

        var total = Vector256.Sum(sum);
        for (; i < logits.Length; i++)
        {
            weights[i] = VectorExp.Exp((logits[i] - maximum) * inverseTemperature);
            total += weights[i];
        }

        return total;
    }
}

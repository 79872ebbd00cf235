using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Personalize.Inference.Sampling;

/// <summary>Finds the weights that are large enough to matter.</summary>
internal static class WeightSelection
{
    /// <summary>Collects the keys of all weights of at least <paramref name="threshold"/>, by rising index.</summary>
    /// <param name="weights">Not NaN.</param>
    /// <param name="threshold">The smallest weight to collect.</param>
    /// <param name="selected">Receives the keys; as long as <paramref name="weights"/>.</param>
    /// <param name="mass">The sum of what was collected.</param>
    /// <returns>How many were collected.</returns>
    public static int AtLeast(ReadOnlySpan<float> weights, float threshold, Span<ulong> selected, out double mass)
    {
        mass = 0;
        var count = 0;
        var index = 0;
        var limit = Vector256.Create(threshold);
        ref var start = ref MemoryMarshal.GetReference(weights);
        for (; index <= weights.Length - Vector256<float>.Count; index += Vector256<float>.Count)
        {
            var enough = Vector256.GreaterThanOrEqual(Vector256.LoadUnsafe(ref start, (nuint)index), limit).ExtractMostSignificantBits();
            for (; enough != 0; enough &= enough - 1)
            {
                var i = index + BitOperations.TrailingZeroCount(enough);
                selected[count++] = RankKey.Create(weights[i], i);
                mass += weights[i];
            }
        }

        for (; index < weights.Length; index++)
        {
            if (weights[index] >= threshold)
            {
                selected[count++] = RankKey.Create(weights[index], index);
                mass += weights[index];
            }
        }

        return count;
    }
}

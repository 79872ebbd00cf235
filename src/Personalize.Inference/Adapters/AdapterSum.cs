using Personalize.Core.Adapters;
using Personalize.Core.Errors;

namespace Personalize.Inference.Adapters;

/// <summary>
/// Several adapters of one base as one: <c>W x + sum over i of weight_i * scale_i * B_i (A_i x)</c>. The A are stacked and the B, with weights and scales folded in, stand side by side, so the sum is itself
/// an adapter whose rank is the sum of the ranks, and serving it costs one low-rank product a map.
/// </summary>
public static class AdapterSum
{
    /// <summary>Makes one adapter of several; none of them is changed.</summary>
    /// <param name="adapters">At least one. The order decides the order of summation, and so the last bit of a result.</param>
    /// <returns>An adapter of scale 1; it can be attached and merged like any other.</returns>
    /// <exception cref="ArgumentException">There is no adapter, a weight is not finite, or an adapter has magnitudes (DoRA) or biases.</exception>
    /// <exception cref="AdapterMismatchException">The adapters belong to different bases.</exception>
    /// <exception cref="TensorShapeException">Two pairs of one map have different sizes.</exception>
    public static LoraAdapter Of(params IReadOnlyList<WeightedAdapter> adapters)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        if (adapters.Count == 0 || adapters.Any(part => !float.IsFinite(part.Weight)))
        {
            throw new ArgumentException("a sum needs at least one adapter, and finite weights", nameof(adapters));
        }

        if (adapters.Any(part => part.Adapter.Pairs.Any(pair => pair.Magnitude is not null)))
        {
            throw new ArgumentException("an adapter with magnitudes (DoRA) rescales rows and has no sum with another; merge it into the base first", nameof(adapters));
        }

        if (adapters.Any(part => part.Adapter.Pairs.Any(pair => pair.Bias is not null)))
        {
            throw new ArgumentException("an adapter with biases replaces those of the base and has no sum with another; merge it into the base first", nameof(adapters));
        }

        var fingerprint = adapters[0].Adapter.BaseFingerprint;
        foreach (var part in adapters.Where(part => !string.Equals(part.Adapter.BaseFingerprint, fingerprint, StringComparison.Ordinal)))
        {
            throw new AdapterMismatchException(part.Adapter.BaseFingerprint, fingerprint);
        }

        var pairs = adapters
            .SelectMany(part => part.Adapter.Pairs.Select(pair => (Pair: pair, Scale: part.Weight * part.Adapter.Configuration.GetScale(pair.Layer, pair.Module))))
            .GroupBy(part => (part.Pair.Layer, part.Pair.Module))
            .OrderBy(group => group.Key)
            .Select(group => Concatenate([.. group]))
            .ToArray();

        // Alpha equal to the rank is a scale of one; a map that fewer adapters target has a pair of smaller rank.
        var rank = adapters.Sum(part => part.Adapter.Configuration.Rank);
        var targets = LoraConfiguration.AllTargets.Where(module => pairs.Any(pair => pair.Module == module)).ToArray();
        return new LoraAdapter(new LoraConfiguration(rank, rank, UseRankStabilizedScaling: false, targets), fingerprint, pairs);
    }

    private static LoraPair Concatenate(IReadOnlyList<(LoraPair Pair, float Scale)> parts)
    {
        var (first, _) = parts[0];
        foreach (var (pair, _) in parts.Where(part => part.Pair.InputSize != first.InputSize || part.Pair.OutputSize != first.OutputSize))
        {
            throw new TensorShapeException($"adapter layer {pair.Layer} {pair.Module}", [first.OutputSize, first.InputSize], [pair.OutputSize, pair.InputSize]);
        }

        var rank = parts.Sum(part => part.Pair.Rank);
        var b = new float[first.OutputSize * rank];
        var column = 0;
        foreach (var (pair, scale) in parts)
        {
            for (var row = 0; row < pair.OutputSize; row++)
            {
                for (var r = 0; r < pair.Rank; r++)
                {
                    b[(row * rank) + column + r] = scale * pair.B[(row * pair.Rank) + r];
                }
            }

            column += pair.Rank;
        }

        return new LoraPair(first.Layer, first.Module, rank, [.. parts.SelectMany(part => part.Pair.A)], b);
    }
}

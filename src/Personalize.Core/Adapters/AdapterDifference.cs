namespace Personalize.Core.Adapters;

/// <summary>Compares two adapters map by map.</summary>
public static class AdapterDifference
{
    /// <summary>Compares every map that either adapts, by layer, then module.</summary>
    /// <param name="left">One adapter.</param>
    /// <param name="right">The other.</param>
    /// <returns>One entry a map.</returns>
    public static IReadOnlyList<ModuleDifference> Compare(LoraAdapter left, LoraAdapter right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        var leftPairs = left.Pairs.ToDictionary(pair => (pair.Layer, pair.Module));
        var rightPairs = right.Pairs.ToDictionary(pair => (pair.Layer, pair.Module));
        return [.. leftPairs.Keys.Union(rightPairs.Keys).Order().Select(key => Compare(key.Layer, key.Module, leftPairs.GetValueOrDefault(key), rightPairs.GetValueOrDefault(key)))];
    }

    private static ModuleDifference Compare(int layer, LinearModule module, LoraPair? left, LoraPair? right)
    {
        if (left is null || right is null || left.InputSize != right.InputSize || left.OutputSize != right.OutputSize)
        {
            return new ModuleDifference(layer, module, null, null, null);
        }

        var sameRank = left.Rank == right.Rank;
        var norms = Math.Sqrt(Product(left, left) * Product(right, right));
        return new ModuleDifference(
            layer,
            module,
            sameRank ? Distance(left.A, right.A) : null,
            sameRank ? Distance(left.B, right.B) : null,
            norms > 0 ? Math.Clamp(Product(left, right) / norms, -1, 1) : null);
    }

    private static double Distance(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        double sum = 0;
        for (var i = 0; i < left.Length; i++)
        {
            var difference = (double)left[i] - right[i];
            sum += difference * difference;
        }

        return Math.Sqrt(sum);
    }

    /// <summary>The inner product of two updates without ever forming them: <c>tr((B1 A1)' B2 A2) = sum over i, j of (B1' B2)[i, j] (A1 A2')[i, j]</c>.</summary>
    private static double Product(LoraPair left, LoraPair right)
    {
        double sum = 0;
        for (var i = 0; i < left.Rank; i++)
        {
            for (var j = 0; j < right.Rank; j++)
            {
                double rows = 0;
                for (var k = 0; k < left.InputSize; k++)
                {
                    rows += (double)left.A[(i * left.InputSize) + k] * right.A[(j * right.InputSize) + k];
                }

                double columns = 0;
                for (var k = 0; k < left.OutputSize; k++)
                {
                    columns += (double)left.B[(k * left.Rank) + i] * right.B[(k * right.Rank) + j];
                }

                sum += rows * columns;
            }
        }

        return sum;
    }
}

namespace Personalize.Core.Adapters;

/// <summary>
/// The two orders in which the rows of a query or key projection stand: half-split (Hugging Face; the first elements of all rotary pairs of a head, then the second) and adjacent (GGUF files of the <c>llama</c> family; the two elements of a pair
/// side by side). Of a model the rows of weights and the biases are concerned, of an adapter the rows of B: <c>B.reshape(heads, 2, d / 2, r).swapaxes(1, 2)</c>.
/// </summary>
internal static class RotaryOrder
{
    /// <summary>B of shape <c>[heads * d, rank]</c> from half-split to adjacent order, as a new array.</summary>
    public static float[] ToAdjacent(ReadOnlySpan<float> b, int heads, int rank) => Permute(b, heads, rank, toAdjacent: true);

    /// <summary>The inverse of <see cref="ToAdjacent"/>.</summary>
    public static float[] ToHalfSplit(ReadOnlySpan<float> b, int heads, int rank) => Permute(b, heads, rank, toAdjacent: false);

    private static float[] Permute(ReadOnlySpan<float> b, int heads, int rank, bool toAdjacent)
    {
        var permuted = new float[b.Length];
        var headSize = b.Length / rank / heads;
        var half = headSize / 2;
        for (var head = 0; head < heads; head++)
        {
            for (var i = 0; i < headSize; i++)
            {
                var halfSplit = (head * headSize) + i;
                var adjacent = (head * headSize) + (2 * (i % half)) + (i / half);
                var (from, to) = toAdjacent ? (halfSplit, adjacent) : (adjacent, halfSplit);
                b.Slice(from * rank, rank).CopyTo(permuted.AsSpan(to * rank));
            }
        }

        return permuted;
    }
}

namespace Personalize.Inference.Retrieval;

/// <summary>How similar interactions are found and put before a prompt. Immutable.</summary>
public sealed class RetrievalOptions
{
    /// <summary>How many interactions are put before a prompt at most.</summary>
    public int Count { get; init; } = 3;

    /// <summary>To how many tokens the context and the text of each are cut, together.</summary>
    public int TokensEach { get; init; } = 96;

    /// <summary>How many bytes an index takes at most, as it counts them; the oldest interactions go first.</summary>
    public long MaximumBytes { get; init; } = 16L << 20;

    /// <summary>How soon further occurrences of a token stop to count (k1 of BM25).</summary>
    public double Saturation { get; init; } = 1.2;

    /// <summary>How much long interactions are marked down, from 0 to 1 (b of BM25).</summary>
    public double LengthPenalty { get; init; } = 0.75;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public void Validate()
    {
        if (Count < 1 || TokensEach < 2 || MaximumBytes < 1024 || !(Saturation >= 0) || !(LengthPenalty is >= 0 and <= 1))
        {
            throw new ArgumentException("retrieval puts at least 1 interaction of at least 2 tokens before a prompt, its index takes 1 KiB or more, k1 is not negative and b from 0 to 1");
        }
    }
}

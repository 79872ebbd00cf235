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
        Require(Count >= 1, "must be at least 1", nameof(Count));
        Require(TokensEach >= 2, "must be at least 2", nameof(TokensEach));
        Require(MaximumBytes >= 1024, "must be at least 1 KiB", nameof(MaximumBytes));
        Require(Saturation >= 0, "must not be negative", nameof(Saturation));
        Require(LengthPenalty is >= 0 and <= 1, "must be from 0 to 1", nameof(LengthPenalty));
    }

    private static void Require(bool holds, string requirement, string setting)
    {
        if (!holds)
        {
            throw new ArgumentException(requirement, setting);
        }
    }
}

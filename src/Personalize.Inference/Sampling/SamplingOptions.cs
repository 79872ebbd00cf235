namespace Personalize.Inference.Sampling;

/// <summary>How the next token is chosen from the logits. Every value is checked where it is set; immutable and safe to share.</summary>
/// <remarks>The defaults are greedy. The order in which the settings apply is documented at <see cref="Sampler"/>.</remarks>
public sealed class SamplingOptions
{
    /// <summary>Always the most probable token.</summary>
    public static SamplingOptions Greedy { get; } = new();

    /// <summary>What the logits are divided by; 0 takes the most probable token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative or not finite.</exception>
    public float Temperature
    {
        get;
        init => field = value >= 0 && float.IsFinite(value) ? value : throw OutOfRange(nameof(Temperature), value, "at least 0");
    }

    /// <summary>How many of the most probable tokens stay; 0 keeps all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Negative.</exception>
    public int TopK
    {
        get;
        init => field = value >= 0 ? value : throw OutOfRange(nameof(TopK), value, "at least 0");
    }

    /// <summary>The smallest set of most probable tokens whose probabilities reach this sum stays (nucleus sampling, arXiv 1904.09751); 1 keeps all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or above 1.</exception>
    public float TopP
    {
        get;
        init => field = value > 0 && value <= 1 ? value : throw OutOfRange(nameof(TopP), value, "above 0 and at most 1");
    } = 1;

    /// <summary>Tokens less probable than this fraction of the most probable one go (arXiv 2407.01082); 0 keeps all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 0 or above 1.</exception>
    public float MinP
    {
        get;
        init => field = value is >= 0 and <= 1 ? value : throw OutOfRange(nameof(MinP), value, "from 0 to 1");
    }

    /// <summary>What the logit of a recent token is divided by where positive and multiplied with where negative (CTRL, arXiv 1909.05858, section 4.1); 1 changes nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not above 0, or not finite.</exception>
    public float RepetitionPenalty
    {
        get;
        init => field = value > 0 && float.IsFinite(value) ? value : throw OutOfRange(nameof(RepetitionPenalty), value, "above 0");
    } = 1;

    /// <summary>How many of the latest tokens, of prompt and answer together, count as recent.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int RepetitionWindow
    {
        get;
        init => field = value >= 1 ? value : throw OutOfRange(nameof(RepetitionWindow), value, "at least 1");
    } = 64;

    /// <summary>Starts the random numbers; the same seed and logits give the same tokens.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether the most probable token is always taken.</summary>
    public bool IsGreedy => Temperature == 0;

    private static ArgumentOutOfRangeException OutOfRange(string name, object value, string range) =>
        new(name, value, $"{name} must be {range}.");
}

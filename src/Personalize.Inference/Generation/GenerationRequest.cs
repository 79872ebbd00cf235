using Personalize.Inference.Sampling;

namespace Personalize.Inference.Generation;

/// <summary>What is to be generated. Every value is checked where it is set; immutable.</summary>
public sealed class GenerationRequest
{
    /// <summary>The tokens that the text continues.</summary>
    /// <exception cref="ArgumentException">Empty: there would be nothing to predict from.</exception>
    public required IReadOnlyList<int> Prompt
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value.Count > 0 ? value : throw new ArgumentException("The prompt has no tokens.", nameof(value));
        }
    }

    /// <summary>How many tokens to generate at most, a stop token included.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public int MaxTokens
    {
        get;
        init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "At least 1.");
    } = 256;

    /// <summary>How each token is chosen.</summary>
    public SamplingOptions Sampling { get; init; } = SamplingOptions.Greedy;

    /// <summary>Tokens that end the text; null takes those of the tokenizer.</summary>
    public IReadOnlyCollection<int>? StopTokens { get; init; }

    /// <summary>Strings that end the text before themselves, compared by ordinal, also across token boundaries.</summary>
    /// <exception cref="ArgumentException">One is empty.</exception>
    public IReadOnlyList<string> StopStrings
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value.All(text => !string.IsNullOrEmpty(text)) ? value : throw new ArgumentException("A stop string is empty.", nameof(value));
        }
    } = [];

    /// <summary>What holds the text to a form, or null; it starts at the first generated token and serves this one text.</summary>
    public ITokenConstraint? Constraint { get; init; }
}

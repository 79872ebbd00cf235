using Personalize.Core.Adapters;

namespace Personalize.Core.Models;

/// <summary>The sizes and choices that tell one decoder-only transformer from another: the one description that drives every model family.</summary>
public sealed record DecoderDescription
{
    /// <summary>The family's name in the model file.</summary>
    public required string Architecture { get; init; }

    /// <summary>How many layers there are.</summary>
    public required int LayerCount { get; init; }

    /// <summary>The size of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>The size between the two halves of the feed-forward block.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>How many query heads there are.</summary>
    public required int HeadCount { get; init; }

    /// <summary>How many key and value heads there are; each serves <c>HeadCount / KeyValueHeadCount</c> query heads (arXiv 2305.13245).</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>The size of a head.</summary>
    public required int HeadDimension { get; init; }

    /// <summary>How many tokens the vocabulary has.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>How many positions the model was trained for.</summary>
    public required int ContextLength { get; init; }

    /// <summary>The epsilon of every norm.</summary>
    public required float RmsNormEpsilon { get; init; }

    /// <summary>The base of the rotary angles.</summary>
    public required float RotaryBase { get; init; }

    /// <summary>How many leading elements of a head are rotated.</summary>
    public required int RotaryDimension { get; init; }

    /// <summary>A divisor for each pair's rotary angle (long-context scaling), or empty.</summary>
    public IReadOnlyList<float> RotaryFactors { get; init; } = [];

    /// <summary>Whether the file stores rotated rows as adjacent pairs (un-permuted when packed) in place of half-split ones.</summary>
    public required bool FileHasAdjacentRotaryPairs { get; init; }

    /// <summary>Whether queries, keys and values have a bias.</summary>
    public required bool HasAttentionBias { get; init; }

    /// <summary>Whether the output layer is the token embedding.</summary>
    public required bool TiesEmbeddings { get; init; }

    /// <summary>The size of all query heads together.</summary>
    public int QuerySize => HeadCount * HeadDimension;

    /// <summary>The size of all key heads, or of all value heads, together.</summary>
    public int KeyValueSize => KeyValueHeadCount * HeadDimension;

    /// <summary>How many query heads share a key and value head.</summary>
    public int HeadsPerKeyValueHead => HeadCount / KeyValueHeadCount;

    /// <summary>Whether one of a layer's linear maps has a bias.</summary>
    /// <param name="module">Which of the seven.</param>
    public bool HasBias(LinearModule module) => HasAttentionBias && module is (LinearModule.Query or LinearModule.Key or LinearModule.Value);

    /// <summary>The sizes of one of a layer's linear maps.</summary>
    /// <param name="module">Which of the seven.</param>
    /// <returns>The size of its input and of its output.</returns>
    public (int Input, int Output) GetShape(LinearModule module) => module switch
    {
        LinearModule.Query => (HiddenSize, QuerySize),
        LinearModule.Key or LinearModule.Value => (HiddenSize, KeyValueSize),
        LinearModule.Output => (QuerySize, HiddenSize),
        LinearModule.Gate or LinearModule.Up => (HiddenSize, IntermediateSize),
        LinearModule.Down => (IntermediateSize, HiddenSize),
        _ => throw new ArgumentOutOfRangeException(nameof(module), module, "not a linear module"),
    };
}

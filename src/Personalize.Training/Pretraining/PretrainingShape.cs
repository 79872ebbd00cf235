using Personalize.Core.Errors;
using Personalize.Core.Models;

namespace Personalize.Training.Pretraining;

/// <summary>The sizes of a decoder that is trained from nothing: of the llama family, with tied embeddings. Immutable.</summary>
public sealed record PretrainingShape
{
    private const float NormEpsilon = 1e-5f;
    private const int BlockLength = 32;

    /// <summary>How many layers there are.</summary>
    public int Layers { get; init; } = 8;

    /// <summary>The size of the residual stream.</summary>
    public int Hidden { get; init; } = 256;

    /// <summary>The size between the two halves of the feed-forward block.</summary>
    public int Intermediate { get; init; } = 640;

    /// <summary>How many query heads there are.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>How many key and value heads there are.</summary>
    public int KeyValueHeads { get; init; } = 2;

    /// <summary>The size of a head.</summary>
    public int HeadDimension { get; init; } = 64;

    /// <summary>How many positions the model is to know.</summary>
    public int ContextLength { get; init; } = 512;

    /// <summary>The base of the rotary angles.</summary>
    public double RotaryBase { get; init; } = 10_000;

    /// <summary>The description of the decoder.</summary>
    /// <param name="vocabularySize">How many tokens the tokenizer has.</param>
    /// <returns>The description.</returns>
    public DecoderDescription Describe(int vocabularySize) => new()
    {
        Architecture = "llama",
        LayerCount = Layers,
        HiddenSize = Hidden,
        IntermediateSize = Intermediate,
        HeadCount = Heads,
        KeyValueHeadCount = KeyValueHeads,
        HeadDimension = HeadDimension,
        VocabularySize = vocabularySize,
        ContextLength = ContextLength,
        RmsNormEpsilon = NormEpsilon,
        RotaryBase = (float)RotaryBase,
        RotaryDimension = HeadDimension,
        FileHasAdjacentRotaryPairs = true,
        HasAttentionBias = false,
        TiesEmbeddings = true,
    };

    /// <summary>Checks every size.</summary>
    /// <exception cref="RecipeException">A size is out of range, or rows are no multiple of 32, the length of a quantized block.</exception>
    public void Validate()
    {
        Rule.Require(Layers is >= 1 and <= 256, "shape.layers", "must be from 1 to 256");
        Rule.Require(Hidden is >= BlockLength and <= 4096 && Hidden % BlockLength == 0, "shape.hidden", "must be a multiple of 32 from 32 to 4096");
        Rule.Require(Intermediate is >= BlockLength and <= 16_384 && Intermediate % BlockLength == 0, "shape.intermediate", "must be a multiple of 32 from 32 to 16384");
        Rule.Require(HeadDimension is >= 8 and <= 256 && HeadDimension % 8 == 0, "shape.headDimension", "must be a multiple of 8 from 8 to 256");
        Rule.Require(Heads is >= 1 and <= 256 && (Heads * HeadDimension) % BlockLength == 0, "shape.heads", "must be from 1 to 256, with headDimension a multiple of 32 together");
        Rule.Require(KeyValueHeads >= 1 && Heads % Math.Max(1, KeyValueHeads) == 0, "shape.keyValueHeads", "must divide heads");
        Rule.Require(ContextLength is >= 16 and <= 1 << 16, "shape.contextLength", "must be from 16 to 65536");
        Rule.Require(double.IsFinite(RotaryBase) && RotaryBase > 1, "shape.rotaryBase", "must be above 1");
    }
}

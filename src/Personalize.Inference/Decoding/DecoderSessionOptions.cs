using Personalize.Core.Models;

namespace Personalize.Inference.Decoding;

/// <summary>Sizes and precision of a <see cref="DecoderSession"/>.</summary>
public sealed class DecoderSessionOptions
{
    /// <summary>How many tokens the conversation can hold; null means all that the model was trained for.</summary>
    public int? ContextLength { get; init; }

    /// <summary>How many tokens of a prompt are computed together.</summary>
    public int ChunkSize { get; init; } = 128;

    /// <summary>The arithmetic of the linear maps.</summary>
    public ArithmeticPrecision Precision { get; init; } = ArithmeticPrecision.Served;
}

using Personalize.Core.Quantization;

namespace Personalize.Core.Models;

/// <summary>All weights of a decoder, packed once for the kernels and frozen. Read-only and safe to share between threads, conversations and a training job.</summary>
public sealed class DecoderWeights : IDisposable
{
    private readonly WeightArena? _arena;

    /// <summary>Takes ownership of the parts.</summary>
    /// <param name="tokenEmbedding">The embedding, <c>[vocabulary, hidden]</c>.</param>
    /// <param name="layers">The layers in order.</param>
    /// <param name="outputNorm">The gain of the last norm, <c>[hidden]</c>.</param>
    /// <param name="outputProjection">The output layer, <c>[vocabulary, hidden]</c>; the embedding itself where they are tied.</param>
    /// <param name="arena">Where the matrices lie; null where each has memory of its own.</param>
    public DecoderWeights(PackedMatrix tokenEmbedding, IReadOnlyList<DecoderLayerWeights> layers, WeightVector outputNorm, PackedMatrix outputProjection, WeightArena? arena = null)
    {
        _arena = arena;
        TokenEmbedding = tokenEmbedding;
        Layers = layers;
        OutputNorm = outputNorm;
        OutputProjection = outputProjection;
    }

    /// <summary>The embedding, <c>[vocabulary, hidden]</c>.</summary>
    public PackedMatrix TokenEmbedding { get; }

    /// <summary>The layers in order.</summary>
    public IReadOnlyList<DecoderLayerWeights> Layers { get; }

    /// <summary>The gain of the last norm, <c>[hidden]</c>.</summary>
    public WeightVector OutputNorm { get; }

    /// <summary>The output layer, <c>[vocabulary, hidden]</c>; the embedding itself where they are tied.</summary>
    public PackedMatrix OutputProjection { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var layer in Layers)
        {
            layer.Dispose();
        }

        OutputNorm.Dispose();
        TokenEmbedding.Dispose();
        OutputProjection.Dispose();
        _arena?.Dispose();
    }
}

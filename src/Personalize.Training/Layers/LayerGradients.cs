using Personalize.Core.Adapters;

namespace Personalize.Training.Layers;

/// <summary>Where the gradients of a layer's own weights go, when all of them are trained; views of memory that outlives them.</summary>
internal sealed unsafe class LayerGradients
{
    /// <summary>One for each linear map, in the order of <see cref="LinearModule"/>.</summary>
    public required IReadOnlyList<LinearGradient> Maps { get; init; }

    /// <summary>Of the norm before attention, <c>[hidden]</c>.</summary>
    public required float* AttentionNorm { get; init; }

    /// <summary>Of the norm before the feed-forward block, <c>[hidden]</c>.</summary>
    public required float* FeedForwardNorm { get; init; }
}

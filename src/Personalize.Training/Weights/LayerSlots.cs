using Personalize.Core.Adapters;

namespace Personalize.Training.Weights;

/// <summary>Where the tensors of one layer lie.</summary>
/// <param name="AttentionNorm">The gain of the norm before attention.</param>
/// <param name="FeedForwardNorm">The gain of the norm before the feed-forward block.</param>
/// <param name="Maps">The linear maps, in the order of <see cref="LinearModule"/>.</param>
/// <param name="Biases">The biases of queries, keys and values; empty without.</param>
internal sealed record LayerSlots(WeightSlot AttentionNorm, WeightSlot FeedForwardNorm, IReadOnlyList<WeightSlot> Maps, IReadOnlyList<WeightSlot> Biases)
{
    /// <summary>The bias of a map, or null.</summary>
    public WeightSlot? BiasOf(LinearModule module) => (int)module < Biases.Count ? Biases[(int)module] : null;
}

using Personalize.Core.Adapters;

namespace Personalize.Inference.Adapters;

/// <summary>An adapter and how much of it counts in a sum.</summary>
/// <param name="Adapter">The adapter.</param>
/// <param name="Weight">What its update is multiplied with: 1 as it was trained, 0 not at all; negative takes it away.</param>
public sealed record WeightedAdapter(LoraAdapter Adapter, float Weight);

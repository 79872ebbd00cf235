using Personalize.Core.Interactions;

namespace Personalize.Training.Evaluation;

/// <summary>What <see cref="SourceFilter"/> left.</summary>
/// <param name="Kept">The interactions to train on, in the order given.</param>
/// <param name="Flooded">How many of each source were left out because they came too fast.</param>
/// <param name="OverShare">How many of each source were left out because it had too large a share.</param>
public sealed record SourceFilterResult(IReadOnlyList<Interaction> Kept, IReadOnlyDictionary<string, int> Flooded, IReadOnlyDictionary<string, int> OverShare);

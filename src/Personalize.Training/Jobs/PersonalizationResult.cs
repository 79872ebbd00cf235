using Personalize.Core.Interactions;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>What a personalization job found.</summary>
/// <param name="Training">The adapter and how its training went.</param>
/// <param name="Gate">The losses on the later interactions and the verdict.</param>
/// <param name="Split">How the interactions were divided.</param>
/// <param name="TrainedOn">The interactions that trained the adapter.</param>
public sealed record PersonalizationResult(TrainingResult Training, GateDecision Gate, ChronologicalSplit Split, IReadOnlyList<Interaction> TrainedOn)
{
    /// <summary>What the limits of the sources left out; null where it was not asked, or stands in the plan.</summary>
    public SourceFilterResult? Sources { get; init; }
}

using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>What one line of a JSONL file gave: an interaction, or the reason why not.</summary>
/// <param name="Number">The line, counted from 1.</param>
/// <param name="Interaction">The interaction, or null.</param>
/// <param name="Problem">The reason, or null.</param>
public sealed record InteractionLine(long Number, Interaction? Interaction, InteractionProblem? Problem)
{
    /// <summary>Names the line without any of its content, so that it is safe to log.</summary>
    /// <returns>The number and the reason, if there is one.</returns>
    public override string ToString() => Problem is { } problem ? $"line {Number}: {InvalidInteractionException.Describe(problem)}" : $"line {Number}";
}

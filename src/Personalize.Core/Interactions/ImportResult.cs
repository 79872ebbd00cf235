namespace Personalize.Core.Interactions;

/// <summary>What an import did.</summary>
/// <param name="Imported">How many interactions were stored.</param>
/// <param name="Skipped">The lines that were not, each with its reason, in order.</param>
public sealed record ImportResult(long Imported, IReadOnlyList<InteractionLine> Skipped)
{
    /// <summary>How many secrets were taken out of the texts before they were stored.</summary>
    public long Redacted { get; init; }
}

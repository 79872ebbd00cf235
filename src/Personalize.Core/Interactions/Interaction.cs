namespace Personalize.Core.Interactions;

/// <summary>One thing the person wrote, and what it was written for.</summary>
/// <param name="Id">The id that the store gave it, rising and never used again; 0 before it is stored.</param>
/// <param name="ExternalId">The id it has at its source, as text; with the source it tells duplicates. Null where there is none.</param>
/// <param name="Timestamp">When it was written.</param>
/// <param name="Source">The app or channel it came from; consent is given for it.</param>
/// <param name="Context">What it answers or belongs to; may be empty.</param>
/// <param name="Text">What the person wrote; never empty.</param>
public sealed record Interaction(long Id, string? ExternalId, DateTimeOffset Timestamp, string Source, string Context, string Text)
{
    /// <summary>Names the interaction without any of its content, so that it is safe to log.</summary>
    /// <returns>The word and the id.</returns>
    public override string ToString() => $"interaction {Id}";
}

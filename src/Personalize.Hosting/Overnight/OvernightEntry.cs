namespace Personalize.Hosting.Overnight;

/// <summary>What the overnight agent did, or why it did nothing. No text of the person stands in it.</summary>
/// <param name="At">When; of several looks that came to the same, the first.</param>
/// <param name="Until">The last of these looks.</param>
/// <param name="Kind">What it came to.</param>
/// <param name="Reason">Why, for a person to read.</param>
/// <param name="AdapterId">The adapter it is about, or null.</param>
public sealed record OvernightEntry(DateTimeOffset At, DateTimeOffset Until, OvernightKind Kind, string Reason, string? AdapterId = null)
{
    /// <summary>Whether work was done.</summary>
    public bool IsRun => Kind != OvernightKind.NotNow;
}

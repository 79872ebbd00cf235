namespace Personalize.Core.Adapters;

/// <summary>A change of the adapter in use.</summary>
/// <param name="AdapterId">The adapter that was in use from then on, null for the base alone.</param>
/// <param name="At">When.</param>
/// <param name="IsRollback">Whether it was a step back to an earlier one.</param>
/// <param name="Reason">Why, in a line of figures without any of the person's text; null where nobody said.</param>
public sealed record PromotionEvent(string? AdapterId, DateTimeOffset At, bool IsRollback, string? Reason = null);

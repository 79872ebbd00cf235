namespace Personalize.Inference.Generation;

/// <summary>One generated token.</summary>
/// <param name="Id">The token.</param>
/// <param name="Text">The text that became certain with it: whole characters only, and nothing that may still turn out to be a stop string. Empty where nothing did.</param>
public readonly record struct GeneratedToken(int Id, string Text);

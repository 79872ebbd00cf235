namespace Personalize.Core.Privacy;

/// <summary>A text after redaction.</summary>
/// <param name="Text">The text that may be kept; the same object where nothing was found.</param>
/// <param name="Count">How many places were replaced.</param>
public sealed record Redaction(string Text, int Count)
{
    /// <summary>Says how much was found and nothing of the text, so that it is safe to log.</summary>
    /// <returns>A count.</returns>
    public override string ToString() => $"{Count} redacted";
}

namespace Personalize.Core.Privacy;

/// <summary>Takes out of a text what must not be kept, before it is stored. The store runs each of its redactors over the context and the text of every interaction. Implementations are safe to share between threads.</summary>
public interface IRedactor
{
    /// <summary>Replaces what it finds by a marker that says what stood there, such as <c>[redacted:api-key]</c>.</summary>
    /// <param name="text">Valid Unicode or not; of any length.</param>
    /// <returns>The text without it, and how much was found.</returns>
    Redaction Redact(string text);
}

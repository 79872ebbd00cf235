namespace Personalize.Core.Errors;

/// <summary>Something was to be stored from a source that the person has not consented to, or no longer. Nothing was stored.</summary>
public sealed class ConsentRequiredException : PersonalizeException
{
    /// <summary>Creates the refusal.</summary>
    /// <param name="source">The source, as the app named it.</param>
    public ConsentRequiredException(string source)
        : base($"nothing was stored: there is no consent for the source '{source}': give it first (store consent SOURCE --give)")
        => Source = source;

    /// <summary>The source, as the app named it.</summary>
    public new string Source { get; }
}

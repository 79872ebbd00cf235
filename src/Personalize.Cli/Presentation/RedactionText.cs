namespace Personalize.Cli.Presentation;

/// <summary>What is said of secrets that were not stored.</summary>
internal static class RedactionText
{
    /// <summary>The end of a sentence; empty where there was nothing.</summary>
    public static string Clause(long redacted) => redacted switch
    {
        0 => "",
        1 => ", without 1 secret that stood in it",
        _ => $", without {redacted} secrets that stood in it",
    };
}

namespace Personalize.Cli.Presentation;

/// <summary>Text that others wrote, or a model, made safe for a terminal.</summary>
internal static class TerminalText
{
    /// <summary>Replaces control characters other than tab and line feed, with which a text could move the cursor, retitle the window or hide itself.</summary>
    public static string Clean(string text) =>
        text.Any(IsUnsafe) ? string.Concat(text.Select(c => IsUnsafe(c) ? '\uFFFD' : c)) : text;

    private static bool IsUnsafe(char c) => char.IsControl(c) && c is not ('\n' or '\t');
}

namespace Personalize.Cli.Hosting;

/// <summary>Where a command reads and writes; tests put strings in the console's place.</summary>
/// <param name="In">What a person types or a pipe brings.</param>
/// <param name="Out">Results only.</param>
/// <param name="Error">Progress, notes and errors.</param>
/// <param name="IsInTerminal">Whether a person can be asked.</param>
/// <param name="IsOutTerminal">Whether a person reads <paramref name="Out"/>.</param>
/// <param name="IsErrorTerminal">Whether a person reads <paramref name="Error"/>.</param>
internal sealed record ConsoleStreams(TextReader In, TextWriter Out, TextWriter Error, bool IsInTerminal, bool IsOutTerminal, bool IsErrorTerminal)
{
    /// <summary>Whether the terminal shows characters outside ASCII.</summary>
    public bool IsUnicode { get; init; } = true;

    /// <summary>The width of the terminal, or null to ask it.</summary>
    public int? Width { get; init; }

    /// <summary>The console of this process.</summary>
    /// <param name="isUnicode">Whether the terminal shows characters outside ASCII.</param>
    public static ConsoleStreams OfProcess(bool isUnicode) =>
        new(Console.In, Console.Out, Console.Error, !Console.IsInputRedirected, !Console.IsOutputRedirected, !Console.IsErrorRedirected) { IsUnicode = isUnicode };
}

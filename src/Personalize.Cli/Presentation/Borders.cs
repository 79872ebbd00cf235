using Spectre.Console;

namespace Personalize.Cli.Presentation;

/// <summary>Borders of tables that the terminal can show.</summary>
internal static class Borders
{
    /// <summary>A frame around every cell.</summary>
    public static TableBorder Box(IAnsiConsole console) => console.Profile.Capabilities.Unicode ? TableBorder.Rounded : TableBorder.Ascii;

    /// <summary>A line below the head.</summary>
    public static TableBorder Lines(IAnsiConsole console) => console.Profile.Capabilities.Unicode ? TableBorder.Simple : TableBorder.Markdown;
}

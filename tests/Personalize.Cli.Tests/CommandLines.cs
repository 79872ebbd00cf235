using System.CommandLine;
using System.CommandLine.Parsing;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests;

/// <summary>Command lines as they stand in documents and help, held against the real tree of commands.</summary>
internal static class CommandLines
{
    /// <summary>The tree.</summary>
    public static RootCommand Root()
    {
        var streams = new ConsoleStreams(TextReader.Null, TextWriter.Null, TextWriter.Null, false, false, false);
        return new CommandHost(streams, TimeProvider.System).CreateRoot();
    }

    /// <summary>Demands that a line, without the program's name, is one that the command takes. What a shell does with the output is left out.</summary>
    public static void AssertParses(string line)
    {
        var words = CommandLineParser.SplitCommandLine(line.Split([" > ", " >> ", " | "], StringSplitOptions.None)[0]).ToArray();
        var result = Root().Parse(words);
        Assert.True(result.Errors.Count == 0, $"'{line}': {string.Join("; ", result.Errors.Select(error => error.Message))}");
        Assert.True(result.UnmatchedTokens.Count == 0, $"'{line}': {string.Join(' ', result.UnmatchedTokens)}");
    }
}

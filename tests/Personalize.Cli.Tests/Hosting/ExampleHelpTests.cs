using System.CommandLine;
using System.CommandLine.Parsing;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Hosting;

/// <summary>Every command's help has examples, and each of them is a command line that parses.</summary>
public class ExampleHelpTests
{
    private static readonly (string Path, Command Command)[] Tree = [.. CommandTree.All(CommandLines.Root())];

    public static TheoryData<string> Paths => [.. Tree.Select(entry => entry.Path)];

    [Theory]
    [MemberData(nameof(Paths))]
    public void Help_shows_examples_that_parse(string path)
    {
        var help = CommandRun.Of([.. path.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).Succeeds().Out;

        Assert.NotEmpty(CommandExamples.Of(path));
        Assert.All(CommandExamples.Of(path), example =>
        {
            Assert.Contains($"  personalize {example}\n", help, StringComparison.Ordinal);
            CommandLines.AssertParses(example);
            Assert.StartsWith(path, example, StringComparison.Ordinal);
        });
    }
}

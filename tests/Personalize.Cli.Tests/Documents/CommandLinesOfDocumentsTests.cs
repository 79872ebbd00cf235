using System.Text.RegularExpressions;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Documents;

/// <summary>Every command line in the README and in docs is one that the command takes; those that need nothing are run; every file that is linked is there.</summary>
public sealed partial class CommandLinesOfDocumentsTests : IDisposable
{
    private static readonly string[] Programs = ["personalize ", "dotnet run --project src/Personalize.Cli -c Release -- ", "strace -f -e trace=connect dotnet src/Personalize.Cli/bin/Release/net10.0/personalize.dll "];
    private readonly TemporaryFolder _folder = new();

    private static readonly string[] Paths =
        [.. new[] { "README.md", "examples/README.md", "examples/data/README.md", "adapters/README.md" }.Concat(Directory.GetFiles(Path.Combine(SharedFiles.Repository, "docs"), "*.md", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(SharedFiles.Repository, path)))];

    public static TheoryData<string> Documents => [.. Paths];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_command_line_parses(string document)
    {
        foreach (var line in LinesOf(document))
        {
            CommandLines.AssertParses(line);
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_leads_somewhere(string document)
    {
        var folder = Path.GetDirectoryName(Path.Combine(SharedFiles.Repository, document))!;
        foreach (var link in Link().Matches(File.ReadAllText(Path.Combine(SharedFiles.Repository, document))).Select(match => match.Groups["text"].Value.Split('#')[0]).Where(link => link.Length > 0 && !link.Contains("://", StringComparison.Ordinal)))
        {
            var path = Path.Combine(folder, link);
            Assert.True(File.Exists(path) || Directory.Exists(path), $"{document}: {link}");
        }
    }

    [Fact]
    public void Those_that_need_nothing_run()
    {
        var cheap = Paths.SelectMany(LinesOf).Where(line => line is "models list" or "adapters list" || line.StartsWith("completions ", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).ToArray();
        Assert.NotEmpty(cheap);
        foreach (var line in cheap)
        {
            CommandRun.Of([.. line.Split(" > ")[0].Split(' '), "--data", _folder["none"]]).Succeeds();
        }
    }

    [Fact]
    public void The_readme_holds_the_two_commands_and_the_day()
    {
        var lines = LinesOf("README.md").ToArray();

        Assert.Contains("demo", lines);
        Assert.True(lines.Length > 12, $"{lines.Length} lines were found");
        Assert.Contains("dotnet test Personalize.sln -c Release", File.ReadAllText(Path.Combine(SharedFiles.Repository, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_that_the_command_does_not_take_is_noticed()
    {
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => CommandLines.AssertParses("train --nwo"));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => CommandLines.AssertParses("store eat"));
    }

    // In blocks of code and between single backticks; what stands behind two spaces and a # is a remark.
    private static IEnumerable<string> LinesOf(string document)
    {
        var isCode = false;
        foreach (var line in File.ReadLines(Path.Combine(SharedFiles.Repository, document)))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                isCode = !isCode && line.Length > 3;
                continue;
            }

            foreach (var candidate in isCode ? [Remark().Replace(line, "")] : Span().Matches(line).Select(match => match.Groups["text"].Value))
            {
                if (Programs.FirstOrDefault(program => candidate.StartsWith(program, StringComparison.Ordinal)) is { } program)
                {
                    yield return candidate[program.Length..].Trim();
                }
            }
        }
    }

    [GeneratedRegex("`(?<text>[^`]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Span();

    [GeneratedRegex(@"\s\s+#.*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Remark();

    [GeneratedRegex(@"\]\((?<text>[^)]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();
}

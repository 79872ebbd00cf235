using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Hosting;

/// <summary>What a terminal sees: 80 columns, no characters that it cannot show, and in a pipe nothing but text.</summary>
public sealed class TerminalTests : IDisposable
{
    private const int Columns = 80;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("models list")]
    [InlineData("doctor --data none")]
    [InlineData("models inspect MODEL")]
    [InlineData("demo --model MODEL --interactions DATA")]
    public void Tables_fit_and_are_ascii_where_nothing_else_is_shown(string line)
    {
        foreach (var isUnicode in new[] { true, false })
        {
            var text = OnTerminal(Fill(line), isUnicode);
            Assert.All(Plain(text).Split('\n'), row => Assert.True(row.TrimEnd('\r', ' ').Length <= Columns, $"{row.Length} columns: {row}"));
            if (!isUnicode)
            {
                // What a model writes is its own matter; what the command draws is not.
                Assert.DoesNotContain(text, c => c is >= '\u2500' and <= '\u259F' || (c > 0x7F && !line.StartsWith("demo", StringComparison.Ordinal)));
            }
        }
    }

    [Theory]
    [InlineData("models list")]
    [InlineData("demo --model MODEL --interactions DATA")]
    public void In_a_pipe_there_are_no_escapes(string line)
    {
        var run = CommandRun.Of(Fill(line));

        Assert.DoesNotContain('\u001b', run.Out + run.Error);
        Assert.DoesNotContain('\r', run.Out + run.Error);
    }

    [Theory]
    [InlineData("LANG=C", false)]
    [InlineData("LANG=en_US.UTF-8", true)]
    [InlineData("LANG=de_DE.utf8", true)]
    [InlineData("LANG=en_US.UTF-8 LC_ALL=POSIX", false)]
    [InlineData("LANG=C LC_CTYPE=C.UTF-8", true)]
    [InlineData("LC_ALL= LANG=C.UTF-8", true)]
    [InlineData("", true)]
    [InlineData("TERM=dumb LANG=en_US.UTF-8", false)]
    public void The_locale_says_what_can_be_shown(string variables, bool isUnicode)
    {
        var environment = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

        Assert.Equal(isUnicode || OperatingSystem.IsWindows(), TerminalEncoding.IsUnicode(environment.GetValueOrDefault));
    }

    [Fact]
    public void The_next_commands_are_named_as_they_were_started()
    {
        Directory.CreateDirectory(_folder["src/Personalize.Cli"]);

        Assert.StartsWith("dotnet run", CommandName.Of("/x/src/Personalize.Cli/bin/Release/net10.0/", _folder.Path), StringComparison.Ordinal);
        Assert.Equal("personalize", CommandName.Of("/x/src/Personalize.Cli/bin/Release/net10.0/", _folder["src"]));
        Assert.Equal("personalize", CommandName.Of("/home/p/.dotnet/tools/.store/personalize/", _folder.Path));
    }

    private string[] Fill(string line) =>
        [.. line.Split(' ').Select(word => word switch
        {
            "MODEL" => TinyModel.Write(_folder),
            "DATA" => _folder.Write("data.jsonl", string.Concat(Enumerable.Range(0, 12).Select(i => $$"""{"id": {{i}}, "timestamp": {{1741345891 + i}}, "context": "ask {{i}}", "text": "la la la {{i}}"}""" + "\n"))),
            "none" => _folder["none"],
            _ => word,
        })];

    private static string OnTerminal(string[] args, bool isUnicode)
    {
        using var output = new StringWriter();
        var streams = new ConsoleStreams(TextReader.Null, output, TextWriter.Null, IsInTerminal: false, IsOutTerminal: true, IsErrorTerminal: false) { IsUnicode = isUnicode, Width = Columns };
        new CommandHost(streams, TimeProvider.System).RunAsync(args, CancellationToken.None).GetAwaiter().GetResult();
        return output.ToString();
    }

    // Without colours and the like.
    private static string Plain(string text) => System.Text.RegularExpressions.Regex.Replace(text, "\u001b\\[[0-9;?]*[A-Za-z]", "", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(5));
}

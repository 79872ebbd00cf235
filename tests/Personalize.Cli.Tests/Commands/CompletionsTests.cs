using System.Diagnostics;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Tests.Commands;

/// <summary>The scripts hold the whole tree; bash's is tried out where there is a bash.</summary>
public sealed class CompletionsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public void Every_command_and_option_is_there(string shell)
    {
        var script = CommandRun.Of("completions", shell).Succeeds().Out;

        foreach (var (path, command) in CommandTree.All(CommandLines.Root()))
        {
            Assert.Contains(path, script, StringComparison.Ordinal);
            Assert.All(command.Subcommands, child => Assert.Contains(child.Name, script, StringComparison.Ordinal));
            Assert.All(command.Options.Where(option => option.Name.StartsWith("--", StringComparison.Ordinal)), option => Assert.Contains(option.Name[2..], script, StringComparison.Ordinal));
        }

        Assert.Equal(script, CommandRun.Of("completions", shell, "--json").Succeeds().Json.GetProperty("script").GetString());
    }

    [Theory]
    [InlineData("personalize sto", "store")]
    [InlineData("personalize store er", "erase")]
    [InlineData("personalize --json models pu", "pull")]
    [InlineData("personalize generate --spec", "--speculation")]
    [InlineData("personalize store erase --al", "--all")]
    [InlineData("personalize generate --prompt store --max", "--max-tokens")]
    public void Bash_completes(string typed, string completed)
    {
        if (OperatingSystem.IsWindows() || !File.Exists("/bin/bash"))
        {
            return;
        }

        var script = _folder.Write("completion.bash", CommandRun.Of("completions", "bash").Succeeds().Out);
        var words = typed.Split(' ');
        var start = new ProcessStartInfo("/bin/bash") { RedirectStandardOutput = true, UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"source '{script}'; COMP_WORDS=({typed}); COMP_CWORD={words.Length - 1}; _personalize; echo \"${{COMPREPLY[*]}}\"");
        using var bash = Process.Start(start)!;
        var output = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();

        Assert.Equal(completed, output.Trim());
    }

    [Fact]
    public void A_shell_must_be_named() => CommandRun.Of("completions").FailsWith(ExitCode.Usage);
}

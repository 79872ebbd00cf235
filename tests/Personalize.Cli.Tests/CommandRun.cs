using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Core.Devices;

namespace Personalize.Cli.Tests;

/// <summary>One command run in this process, and what it said.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    /// <summary>The one line of error, without its mark.</summary>
    public string ErrorLine
    {
        get
        {
            var line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => line.StartsWith("error: ", StringComparison.Ordinal));
            return line["error: ".Length..];
        }
    }

    /// <summary>The one JSON object of standard output.</summary>
    public JsonElement Json
    {
        get
        {
            Assert.Single(Out.TrimEnd('\n').Split('\n'));
            using var document = JsonDocument.Parse(Out);
            Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
            return document.RootElement.Clone();
        }
    }

    public static CommandRun Of(params string[] args) => With("", CancellationToken.None, args);

    public static CommandRun With(string input, CancellationToken cancellationToken, params string[] args) => On(null, input, args, cancellationToken);

    /// <summary>Runs a command on a device whose conditions the test decides.</summary>
    public static CommandRun On(IDeviceConditions device, params string[] args) => On(_ => device, "", args, CancellationToken.None);

    private static CommandRun On(Func<ConditionLimits, IDeviceConditions>? device, string input, string[] args, CancellationToken cancellationToken)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        using var reader = new StringReader(input);
        var streams = new ConsoleStreams(reader, output, error, IsInTerminal: false, IsOutTerminal: false, IsErrorTerminal: false);
        var exitCode = new CommandHost(streams, TimeProvider.System, device).RunAsync(args, cancellationToken).GetAwaiter().GetResult();
        return new CommandRun(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Demands success.</summary>
    public CommandRun Succeeds()
    {
        Assert.True(ExitCode == Cli.Hosting.ExitCode.Done, $"exit code {ExitCode}: {Error}");
        return this;
    }

    /// <summary>Demands one exit code and one line of error that holds some words; nothing on standard output but, with --json, the error.</summary>
    public CommandRun FailsWith(int exitCode, params string[] words)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode} in place of {exitCode}: {Error}");
        foreach (var word in words)
        {
            Assert.Contains(word, ErrorLine, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        return this;
    }
}

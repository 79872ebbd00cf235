using System.CommandLine;
using Personalize.Cli.Commands;
using Personalize.Cli.Presentation;
using Personalize.Core.Devices;

namespace Personalize.Cli.Hosting;

/// <summary>Parses a command line, runs its command, and makes of whatever happens one of the exit codes and at most one line of error.</summary>
/// <param name="streams">Where commands read and write.</param>
/// <param name="time">The clock.</param>
/// <param name="device">The device's conditions under some limits; null for those of this device.</param>
internal sealed class CommandHost(ConsoleStreams streams, TimeProvider time, Func<ConditionLimits, IDeviceConditions>? device = null)
{
    // Texts of a person are arguments too: "@name" must not be taken for a file of arguments, nor "-abc" for three options.
    private static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    private readonly GlobalOptions _options = new();

    /// <summary>Runs one command.</summary>
    /// <param name="args">The command line without the program's name.</param>
    /// <param name="cancellationToken">Stops the command.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> args, CancellationToken cancellationToken)
    {
        var root = CreateRoot();
        var arguments = root.Parse(args, Parsing);
        if (arguments.Errors.Count > 0)
        {
            return Report(arguments, new UsageException($"{Describe(arguments)} (see --help)"));
        }

        var invocation = new InvocationConfiguration { Output = streams.Out, Error = streams.Error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        return await arguments.InvokeAsync(invocation, cancellationToken);
    }

    /// <summary>Makes the tree of commands.</summary>
    public RootCommand CreateRoot()
    {
        var root = PersonalizeCommand.Create(this);
        _options.AddTo(root);
        root.Subcommands.Add(CompletionsCommand.Create(this, root));
        ExampleHelp.AddTo(root);
        return root;
    }

    /// <summary>Gives a command its body.</summary>
    /// <param name="command">The command.</param>
    /// <param name="body">What it does; returns an exit code.</param>
    public void Bind(Command command, Func<CommandContext, int> body) =>
        command.SetAction((arguments, cancellationToken) => Task.FromResult(Run(arguments, body, cancellationToken)));

    private int Run(ParseResult arguments, Func<CommandContext, int> body, CancellationToken cancellationToken)
    {
        try
        {
            return body(new CommandContext(arguments, _options, streams, time, cancellationToken) { Device = device ?? (limits => new DeviceConditions(limits)) });
        }
#pragma warning disable CA1031 // The outermost frame: every error becomes one line and an exit code.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return Report(arguments, exception);
        }
    }

    private int Report(ParseResult arguments, Exception exception)
    {
        var report = ErrorReport.Of(exception);
        streams.Error.WriteLine($"error: {report.Line}");
        if (arguments.GetValue(_options.Verbose))
        {
            streams.Error.WriteLine(exception);
        }

        if (arguments.GetValue(_options.Json))
        {
            new Output(streams, time, json: true, quiet: true).Result(
                json =>
                {
                    json.WriteString("error", report.Line);
                    json.WriteNumber("exitCode", report.ExitCode);
                },
                _ => { });
        }

        return report.ExitCode;
    }

    private static string Describe(ParseResult arguments)
    {
        // A word that fits nowhere may be a part of a text that was not quoted: it is named only where it must have been meant for the program.
        if (arguments.UnmatchedTokens is [var word, ..] && (word.StartsWith('-') || arguments.CommandResult.Command.Subcommands.Count > 0))
        {
            var offered = word.StartsWith('-') ? CommandTree.OptionsOf(arguments.CommandResult) : arguments.CommandResult.Command.Subcommands.Select(command => command.Name);
            return $"there is no {(word.StartsWith('-') ? "option" : "command")} {word} in {arguments.CommandResult.Command.Name}{Suggestion.For(word, offered)}";
        }

        if (arguments.UnmatchedTokens.Count > 0)
        {
            return $"{arguments.CommandResult.Command.Name} got a word too many: quote texts and paths that hold spaces";
        }

        // The parser names .NET's types, which tell nobody anything.
        var message = arguments.Errors[0].Message;
        var type = message.IndexOf(" as expected type", StringComparison.Ordinal);
        return type < 0 ? message.TrimEnd('.') : message[..type];
    }
}

using System.CommandLine;
using Personalize.Cli.Presentation;
using Personalize.Core.Devices;

namespace Personalize.Cli.Hosting;

/// <summary>What a running command works with.</summary>
internal sealed class CommandContext
{
    public CommandContext(ParseResult arguments, GlobalOptions options, ConsoleStreams streams, TimeProvider time, CancellationToken cancellationToken)
    {
        Arguments = arguments;
        Time = time;
        CancellationToken = cancellationToken;
        Streams = streams;
        ModelName = arguments.GetValue(options.Model);
        PassphraseFile = arguments.GetValue(options.PassphraseFile);
        Threads = arguments.GetValue(options.Threads);
        Seed = arguments.GetValue(options.Seed);
        DataDirectory = Path.GetFullPath(arguments.GetValue(options.Data) ?? DefaultDataDirectory());
        Output = new Output(streams, time, arguments.GetValue(options.Json), arguments.GetValue(options.Quiet));
    }

    public ParseResult Arguments { get; }

    public ConsoleStreams Streams { get; }

    public Output Output { get; }

    public TimeProvider Time { get; }

    public CancellationToken CancellationToken { get; }

    /// <summary>The device's conditions under some limits.</summary>
    public required Func<ConditionLimits, IDeviceConditions> Device { get; init; }

    /// <summary>What <c>--model</c> says, if anything.</summary>
    public string? ModelName { get; }

    /// <summary>What <c>--passphrase-file</c> says, if anything.</summary>
    public string? PassphraseFile { get; }

    /// <summary>The passphrase, once it was read or asked for, so that it is asked for once.</summary>
    public string? Passphrase { get; set; }

    /// <summary>The profile's folder, absolute.</summary>
    public string DataDirectory { get; }

    public int Threads { get; }

    /// <summary>What <c>--seed</c> says, if anything.</summary>
    public long? Seed { get; }

    /// <summary>The value of an option that has a default or was required.</summary>
    public T Get<T>(Option<T> option) => Arguments.GetValue(option)!;

    /// <summary>Whether an option stands on the command line.</summary>
    public bool IsGiven(Option option) => Arguments.GetResult(option) is { Implicit: false };

    /// <summary>The value of an argument.</summary>
    public T Get<T>(Argument<T> argument) => Arguments.GetValue(argument)!;

    private static string DefaultDataDirectory() =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "personalize");
}

using System.CommandLine;
using Personalize.Cli.Options;

namespace Personalize.Cli.Hosting;

/// <summary>The options every command takes.</summary>
internal sealed class GlobalOptions
{
    private const int MaximumThreads = 256;

    public Option<string?> Data { get; } = new("--data")
    {
        Description = "The profile's folder: store, adapters, checkpoints [default: the platform's per-user data folder]",
        HelpName = "DIR",
        Recursive = true,
    };

    public Option<string?> Model { get; } = new("--model")
    {
        Description = "The model: a GGUF file, or a name of models list [default: the one this profile was trained with]",
        HelpName = "PATH|NAME",
        Recursive = true,
    };

    public Option<string?> PassphraseFile { get; } = new("--passphrase-file")
    {
        Description = "A file whose first line is the profile's passphrase [default: a key file, or asked for]",
        HelpName = "FILE",
        Recursive = true,
    };

    public Option<int> Threads { get; } = new Option<int>("--threads")
    {
        Description = "How many threads compute",
        HelpName = "N",
        Recursive = true,
        DefaultValueFactory = _ => Math.Min(Environment.ProcessorCount, MaximumThreads),
    }.InRange(1, MaximumThreads);

    public Option<long?> Seed { get; } = new Option<long?>("--seed")
    {
        Description = "Starts the random numbers of training (default 0) and of sampling (default: another each time)",
        HelpName = "N",
        Recursive = true,
    }.AtLeast(0);

    public Option<bool> Json { get; } = new("--json") { Description = "Write exactly one JSON object to standard output", Recursive = true };

    public Option<bool> Quiet { get; } = new("--quiet") { Description = "No progress and no notes", Recursive = true };

    public Option<bool> Verbose { get; } = new("--verbose") { Description = "Stack traces of errors", Recursive = true };

    public void AddTo(Command root)
    {
        foreach (var option in new Option[] { Data, Model, PassphraseFile, Threads, Seed, Json, Quiet, Verbose })
        {
            root.Options.Add(option);
        }
    }
}

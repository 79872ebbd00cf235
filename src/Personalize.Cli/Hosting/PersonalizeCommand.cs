using System.CommandLine;
using Personalize.Cli.Commands;

namespace Personalize.Cli.Hosting;

/// <summary>The root: what <c>personalize</c> offers.</summary>
internal static class PersonalizeCommand
{
    public static RootCommand Create(CommandHost host) => new("Trains adapters of a small language model on a person's own device, and writes with them.")
    {
        DemoCommand.Create(host),
        RecordCommand.Create(host),
        ImportCommand.Create(host),
        TrainCommand.Create(host),
        EvaluateCommand.Create(host),
        GenerateCommand.Create(host),
        ChatCommand.Create(host),
        LogitsCommand.Create(host),
        PerplexityCommand.Create(host),
        TokenizeCommand.Create(host),
        AdaptersCommand.Create(host),
        StoreCommand.Create(host),
        ModelsCommand.Create(host),
        AgentCommand.Create(host),
        BenchCommand.Create(host),
        DoctorCommand.Create(host),
    };
}

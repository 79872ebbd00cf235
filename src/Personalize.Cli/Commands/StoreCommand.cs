using System.CommandLine;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Commands;

/// <summary><c>store</c>: the encrypted store of the profile.</summary>
internal static class StoreCommand
{
    public static Command Create(CommandHost host) => new("store", "What is stored about you, encrypted")
    {
        StoreStatusCommand.Create(host),
        StoreVerifyCommand.Create(host),
        StoreExportCommand.Create(host),
        StoreEraseCommand.Create(host),
        StoreRetainCommand.Create(host),
        StoreConsentCommand.Create(host),
        StoreRotateKeyCommand.Create(host),
        StorePassphraseCommand.Create(host),
        StoreMendCommand.Create(host),
        StoreBudgetCommand.Create(host),
    };
}

using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Profiles;

namespace Personalize.Cli.Commands;

/// <summary><c>store rotate-key</c>: seals everything anew under a new key and drops the old one.</summary>
internal static class StoreRotateKeyCommand
{
    public static Command Create(CommandHost host)
    {
        var command = new Command("rotate-key", "Seal everything anew under a new key and destroy the old one");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var before = profile.KeyId;
            profile.RotateKey();
            context.Output.Result(
                json =>
                {
                    json.WriteString("keyId", profile.KeyId);
                    json.WriteString("retiredKeyId", before);
                },
                _ => context.Output.Text($"sealed anew under key {profile.KeyId}; the old one is destroyed\n"));
            return ExitCode.Done;
        });
        return command;
    }
}

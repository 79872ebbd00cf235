using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Commands;

/// <summary><c>store erase</c>: one interaction, those of a source, all, or the profile itself.</summary>
internal static class StoreEraseCommand
{
    public static Command Create(CommandHost host)
    {
        var id = new Option<long?>("--id") { Description = "The interaction to erase", HelpName = "N" }.AtLeast(1);
        var source = new Option<string>("--source") { Description = "Erase all interactions of an app", HelpName = "NAME" };
        var all = new Option<bool>("--all") { Description = "Erase all interactions and saved conversations" };
        var everything = new Option<bool>("--everything") { Description = "Erase the whole profile, adapters and keys with it; needs no passphrase" };
        var command = new Command("erase", "Erase from the store, for good, and change the key") { id, source, all, everything };
        command.RequireOneOf(id, source, all, everything);
        host.Bind(command, context =>
        {
            if (context.Get(everything))
            {
                Profile.Destroy(context.DataDirectory);
                context.Output.Result(json => json.WriteBoolean("destroyed", true), _ => context.Output.Text("the profile is erased; no key is left\n"));
                return ExitCode.Done;
            }

            using var profile = ProfileAccess.OpenExistingForWriting(context);
            IReadOnlyList<long>? ids = context.Get(id) is { } one ? [one] : context.IsGiven(source) ? profile.Interactions.FindSource(context.Get(source)) : null;
            ErasureText.Write(context.Output, StoreErasure.Run(profile, ids));
            return ExitCode.Done;
        });
        return command;
    }
}

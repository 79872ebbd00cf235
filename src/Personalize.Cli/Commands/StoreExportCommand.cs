using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Profiles;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Commands;

/// <summary><c>store export</c>: everything that is stored, in the clear.</summary>
internal static class StoreExportCommand
{
    public static Command Create(CommandHost host)
    {
        var path = new Argument<string>("file") { Description = "Receives JSON lines in the clear, readable by you alone" };
        var intact = new Option<bool>("--intact") { Description = "Pass over records that were damaged" };
        var command = new Command("export", "Write everything that is stored to a file, in the clear") { path, intact };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var store = profile.Interactions;
            long count = 0;
            OutputFile.WritePrivate(context.Get(path), stream => count = InteractionJsonLines.Write(stream, context.Get(intact) ? store.ReadIntact() : store.ReadAll()));
            context.Output.Result(json => json.WriteNumber("exported", count), _ => context.Output.Text($"{count} exported\n"));
            return ExitCode.Done;
        });
        return command;
    }
}

using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Profiles;

namespace Personalize.Cli.Commands;

/// <summary><c>store mend</c>: accepts what is there after damage, or after an old copy was put back on purpose.</summary>
internal static class StoreMendCommand
{
    public static Command Create(CommandHost host)
    {
        var command = new Command("mend", "Accept what is whole as what is stored: after damage, or after you put an old copy back");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var lost = profile.Interactions.Mend();
            var kept = profile.Interactions.Count;
            context.Output.Result(
                json =>
                {
                    json.WriteNumber("lost", lost);
                    json.WriteNumber("interactions", kept);
                },
                _ => context.Output.Text($"{kept} interactions kept, {lost} given up\n"));
            return ExitCode.Done;
        });
        return command;
    }
}

using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Commands;

/// <summary><c>record</c>: stores one interaction.</summary>
internal static class RecordCommand
{
    public static Command Create(CommandHost host)
    {
        var about = new Option<string>("--context") { Description = "What the text answers or belongs to; may be empty", HelpName = "C", Required = true };
        var text = new Option<string>("--text") { Description = "What you wrote", HelpName = "T", Required = true };
        var command = new Command("record", "Store one thing you wrote, encrypted; typing it counts as your consent") { about, text };
        host.Bind(command, context => Run(context, context.Get(about), context.Get(text)));
        return command;
    }

    private static int Run(CommandContext context, string about, string text)
    {
        using var profile = ProfileAccess.OpenForWriting(context);
        OwnConsent.WriteDown(profile.Interactions.Consent);
        var before = profile.Interactions.GetStatus().Redacted;
        var id = profile.Interactions.Append(new Interaction(0, ExternalId: null, context.Time.GetUtcNow(), OwnConsent.Source, about, text));
        var redacted = profile.Interactions.GetStatus().Redacted - before;
        context.Output.Result(
            json =>
            {
                json.WriteNumber("id", id);
                json.WriteNumber("redacted", redacted);
            },
            _ => context.Output.Text($"recorded as {id}{RedactionText.Clause(redacted)}\n"));
        return ExitCode.Done;
    }
}

using System.CommandLine;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Commands;

/// <summary><c>import</c>: stores the interactions of a file.</summary>
internal static class ImportCommand
{
    public static Command Create(CommandHost host)
    {
        var path = new Argument<string>("file") { Description = "JSON lines with timestamp, context, text and, if there is one, id" };
        var source = new Option<string>("--source") { Description = "Store under an app's name, which needs consent first", HelpName = "NAME", DefaultValueFactory = _ => OwnConsent.Source };
        var strict = new Option<bool>("--strict") { Description = "Store nothing if a line is bad" };
        var command = new Command("import", "Store many things you wrote, encrypted; importing them counts as your consent") { path, source, strict };
        host.Bind(command, context => Run(context, context.Get(path), context.Get(source), context.Get(strict)));
        return command;
    }

    private static int Run(CommandContext context, string path, string source, bool strict)
    {
        if (string.IsNullOrWhiteSpace(source))
        {
            throw new UsageException("--source needs a name");
        }

        // Opened first, so that a wrong path does not leave a new profile behind.
        using var file = TextFile.Open(path);
        using var profile = ProfileAccess.OpenForWriting(context);
        if (source == OwnConsent.Source)
        {
            OwnConsent.WriteDown(profile.Interactions.Consent);
        }

        var result = InteractionImport.Run(profile.Interactions, file, source, strict, context.CancellationToken);
        context.Output.Result(
            json => WriteJson(json, result),
            _ =>
            {
                foreach (var line in result.Skipped)
                {
                    context.Output.Warning($"{line}, skipped");
                }

                context.Output.Text($"{result.Imported} imported, {result.Skipped.Count} skipped{RedactionText.Clause(result.Redacted)}\n");
            });
        return ExitCode.Done;
    }

    private static void WriteJson(Utf8JsonWriter json, ImportResult result)
    {
        json.WriteNumber("imported", result.Imported);
        json.WriteNumber("redacted", result.Redacted);
        json.WriteStartArray("skipped");
        foreach (var line in result.Skipped)
        {
            json.WriteStartObject();
            json.WriteNumber("line", line.Number);
            json.WriteString("reason", InvalidInteractionException.Describe(line.Problem!.Value));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}

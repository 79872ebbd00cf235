using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Spectre.Console;

namespace Personalize.Cli.Commands;

/// <summary><c>adapters</c>: the adapters of the profile.</summary>
internal static class AdaptersCommand
{
    private const string Peft = "peft";
    private const string Gguf = "gguf";

    public static Command Create(CommandHost host) => new("adapters", "What was learned: the adapters of this profile")
    {
        CreateList(host),
        CreateShow(host),
        CreatePromote(host),
        CreateRollback(host),
        CreateRemove(host),
        CreateDiff(host),
        CreateExport(host),
        CreateImport(host),
        AdapterMergeCommand.Create(host, IdArgument()),
    };

    private static Argument<string> IdArgument(string name = "id") => new(name) { Description = "An adapter's id, or as much of its beginning as tells it from the others" };

    private static Command CreateList(CommandHost host)
    {
        var command = new Command("list", "All adapters, oldest first");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.TryOpenForReading(context);
            var adapters = profile?.Adapters.List() ?? [];
            context.Output.Result(
                json =>
                {
                    json.WriteStartArray("adapters");
                    foreach (var adapter in adapters)
                    {
                        json.WriteStartObject();
                        AdapterText.Write(json, adapter);
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                },
                console =>
                {
                    var table = new Table().Border(Borders.Lines(console)).AddColumns("id", "created", "status", "rank", "loss of base", "with adapter", "trained on");
                    foreach (var adapter in adapters)
                    {
                        table.AddRow(
                            adapter.Id,
                            adapter.Created.ToString("u", CultureInfo.InvariantCulture),
                            AdapterText.Status(adapter.Status),
                            adapter.Configuration.Rank.ToString(CultureInfo.InvariantCulture),
                            AdapterText.Loss(adapter.Provenance.TestNllBase),
                            AdapterText.Loss(adapter.Provenance.TestNllAdapter),
                            adapter.Provenance.TrainedOn is { } range ? $"{range.Count} interactions" : "-");
                    }

                    console.Write(table);
                });
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateShow(CommandHost host)
    {
        var id = IdArgument();
        var command = new Command("show", "One adapter") { id };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var adapter = profile.Adapters.Get(context.Get(id));
            context.Output.Result(json => AdapterText.Write(json, adapter), console => WriteFacts(console, adapter));
            return ExitCode.Done;
        });
        return command;
    }

    private static void WriteFacts(IAnsiConsole console, AdapterRecord adapter)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        table.AddRow("id", adapter.Id);
        table.AddRow("created", adapter.Created.ToString("u", CultureInfo.InvariantCulture));
        table.AddRow("status", AdapterText.Status(adapter.Status));
        table.AddRow("rank, alpha", $"{adapter.Configuration.Rank}, {adapter.Configuration.Alpha}");
        table.AddRow("targets", string.Join(", ", adapter.Configuration.Targets.Select(AdapterText.Target)));
        table.AddRow("base", Markup.Escape(adapter.BaseFingerprint));
        table.AddRow("loss of base", AdapterText.Loss(adapter.Provenance.TestNllBase));
        table.AddRow("with adapter", AdapterText.Loss(adapter.Provenance.TestNllAdapter));
        table.AddRow("with the one before", AdapterText.Loss(adapter.Provenance.TestNllIncumbent));
        table.AddRow("trained on", adapter.Provenance.TrainedOn is { } range ? $"{range.Count} interactions, {range.FirstId} to {range.LastId}" : "-");
        table.AddRow("steps, tokens", $"{adapter.Provenance.Steps}, {adapter.Provenance.TrainTokens}");
        table.AddRow("recipe", Markup.Escape(adapter.Provenance.Recipe));
        console.Write(table);
    }

    private static Command CreatePromote(CommandHost host)
    {
        var id = IdArgument();
        var command = new Command("promote", "Use an adapter from now on") { id };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var adapter = profile.Adapters.Promote(context.Get(id));
            context.Output.Result(json => AdapterText.Write(json, adapter), _ => context.Output.Text($"{adapter.Id} is used from now on\n"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateRollback(CommandHost host)
    {
        var command = new Command("rollback", "Go back to the adapter that was used before, or to the base model");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var adapter = profile.Adapters.Rollback();
            context.Output.Result(
                json => json.WriteString("promoted", adapter?.Id),
                _ => context.Output.Text(adapter is null ? "the base model is used from now on\n" : $"{adapter.Id} is used from now on\n"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateRemove(CommandHost host)
    {
        var id = IdArgument();
        var command = new Command("remove", "Delete an adapter for good") { id };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var adapter = profile.Adapters.Get(context.Get(id));
            profile.Adapters.Remove(adapter.Id);
            context.Output.Result(json => json.WriteString("removed", adapter.Id), _ => context.Output.Text($"{adapter.Id} removed\n"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateDiff(CommandHost host)
    {
        var left = IdArgument("a");
        var right = IdArgument("b");
        var command = new Command("diff", "How two adapters differ, map by map") { left, right };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var modules = profile.Adapters.Diff(context.Get(left), context.Get(right));
            context.Output.Result(
                json =>
                {
                    json.WriteStartArray("modules");
                    foreach (var module in modules)
                    {
                        json.WriteStartObject();
                        json.WriteNumber("layer", module.Layer);
                        json.WriteString("module", AdapterText.Target(module.Module));
                        AdapterText.WriteFigure(json, "normOfADifference", module.NormOfADifference);
                        AdapterText.WriteFigure(json, "normOfBDifference", module.NormOfBDifference);
                        AdapterText.WriteFigure(json, "updateCosine", module.UpdateCosine);
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                },
                console =>
                {
                    var table = new Table().Border(Borders.Lines(console)).AddColumns("layer", "map", "|A - A'|", "|B - B'|", "cosine of the updates");
                    foreach (var module in modules)
                    {
                        table.AddRow(
                            module.Layer.ToString(CultureInfo.InvariantCulture),
                            AdapterText.Target(module.Module),
                            AdapterText.Loss(module.NormOfADifference),
                            AdapterText.Loss(module.NormOfBDifference),
                            AdapterText.Loss(module.UpdateCosine));
                    }

                    console.Write(table);
                });
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateExport(CommandHost host)
    {
        var id = IdArgument();
        var path = new Argument<string>("path") { Description = "A new folder (peft) or file (gguf); it holds what was learned from you, in the clear" };
        var format = new Option<string>("--format") { Description = "peft for PEFT and transformers, gguf for llama.cpp (needs the model)", HelpName = $"{Peft}|{Gguf}", DefaultValueFactory = _ => Peft }.OneOf(Peft, Gguf);
        var command = new Command("export", "Write an adapter for other programs, in the clear") { id, path, format };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var record = profile.Adapters.Get(context.Get(id));
            var adapter = profile.Adapters.Load(record.Id);
            if (context.Get(format) == Peft)
            {
                PeftAdapter.Export(context.Get(path), adapter);
            }
            else
            {
                using var model = ModelFile.Open(context);
                GgufAdapter.Export(context.Get(path), adapter, DecoderDescriptionReader.Read(model));
            }

            context.Output.Result(
                json =>
                {
                    json.WriteString("id", record.Id);
                    json.WriteString("path", context.Get(path));
                },
                _ => context.Output.Text($"{record.Id} written to {context.Get(path)}\n"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateImport(CommandHost host)
    {
        var path = new Argument<string>("path") { Description = "A PEFT folder, or a GGUF file with a LoRA adapter" };
        var command = new Command("import", "Take an adapter of this model into the profile, as a candidate") { path };
        host.Bind(command, context =>
        {
            using var file = ModelFile.Open(context);
            using var model = DecoderModel.Load(file, context.Threads);
            var adapter = AdapterChoice.FromPath(context.Get(path), model);
            using var profile = ProfileAccess.OpenForWriting(context);
            var record = profile.Adapters.Add(adapter, new AdapterProvenance { Recipe = "imported" });
            context.Output.Result(json => AdapterText.Write(json, record), _ => context.Output.Text($"imported as {record.Id}; use it with: adapters promote {record.Id}\n"));
            return ExitCode.Done;
        });
        return command;
    }
}

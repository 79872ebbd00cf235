using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Models.Pull;
using Personalize.Cli.Presentation;
using Spectre.Console;

namespace Personalize.Cli.Commands;

/// <summary><c>models list</c>: the models that are known by name, and which of them are here.</summary>
internal static class ModelsListCommand
{
    public static Command Create(CommandHost host)
    {
        var to = new Option<string?>("--to") { Description = "The folder of models [default: one for all profiles]", HelpName = "DIR" };
        var command = new Command("list", "The models that are known by name, and which of them are here; opens no connection") { to };
        host.Bind(command, context =>
        {
            var folder = Path.GetFullPath(context.Get(to) ?? ModelFolder.Default);
            context.Output.Result(
                json =>
                {
                    json.WriteString("folder", folder);
                    json.WriteString("bundled", BundledModel.Path);
                    json.WriteStartArray("models");
                    foreach (var model in KnownModels.All)
                    {
                        json.WriteStartObject();
                        json.WriteString("name", model.Name);
                        json.WriteString("title", model.Title);
                        json.WriteString("architecture", model.Architecture);
                        json.WriteBoolean("served", model.IsServed);
                        json.WriteString("license", model.License);
                        json.WriteNumber("approximateBytes", model.ApproximateBytes);
                        json.WriteString("sha256", model.Sha256);
                        json.WriteString("address", model.Address.AbsoluteUri);
                        json.WriteString("path", Find(folder, model));
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                },
                console => WriteTable(console, folder));
            return ExitCode.Done;
        });
        return command;
    }

    private static void WriteTable(IAnsiConsole console, string folder)
    {
        var table = new Table().Border(Borders.Lines(console)).AddColumns("name", "size", "licence", "checksum", "");
        if (BundledModel.Path is { } bundled)
        {
            table.AddRow(BundledModel.Name, $"{new FileInfo(bundled).Length / 1e6:F0} MB", "CC BY-SA 4.0", "", "comes along");
        }

        foreach (var model in KnownModels.All)
        {
            var state = Find(folder, model) is not null ? "here" : model.IsServed ? "" : "not served yet";
            table.AddRow(model.Name, $"{model.ApproximateBytes / 1e6:F0} MB", model.License, model.Sha256 is null ? "the server's" : "known", state);
        }

        console.Write(table);
        console.Profile.Out.Writer.WriteLine($"pulled models lie in {TerminalText.Clean(folder)}");
    }

    private static string? Find(string folder, KnownModel model)
    {
        var path = Path.Combine(folder, model.FileName);
        return File.Exists(path) ? path : null;
    }
}

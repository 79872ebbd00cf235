using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Cli.Presentation;
using Personalize.Core.Formats.Gguf;
using Spectre.Console;

namespace Personalize.Cli.Commands;

/// <summary><c>models</c>: model files.</summary>
internal static class ModelsCommand
{
    public static Command Create(CommandHost host) =>
        new("models", "Model files") { ModelsListCommand.Create(host), ModelsPullCommand.Create(host), CreateInspect(host), ModelsPretrainCommand.Create(host), ModelsScoreCommand.Create(host), ModelsQuantizeCommand.Create(host) };

    private static Command CreateInspect(CommandHost host)
    {
        var path = new Argument<string>("path") { Description = "A GGUF file" };
        var command = new Command("inspect", "What a model file holds; its tensors' shapes are listed as in the file, the contiguous dimension first") { path };
        host.Bind(command, context => Inspect(context, context.Get(path)));
        return command;
    }

    private static int Inspect(CommandContext context, string path)
    {
        using var file = GgufFile.Open(path);
        context.Output.Result(json => WriteJson(json, file), console => WriteTable(console, file));
        return ExitCode.Done;
    }

    private static void WriteJson(Utf8JsonWriter json, GgufFile file)
    {
        json.WriteString("architecture", Text(file, "general.architecture"));
        json.WriteString("name", Text(file, "general.name"));
        json.WriteNumber("parameters", Parameters(file));
        json.WriteNumber("fileBytes", file.ByteLength);
        json.WriteString("fingerprint", file.Fingerprint);
        json.WriteStartArray("tensors");
        foreach (var tensor in file.Tensors)
        {
            json.WriteStartObject();
            json.WriteString("name", tensor.Name);
            json.WriteStartArray("shape");
            foreach (var dimension in tensor.Dimensions)
            {
                json.WriteNumberValue(dimension);
            }

            json.WriteEndArray();
            json.WriteString("type", tensor.Type.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("tokenizer");
        json.WriteString("model", Text(file, "tokenizer.ggml.model"));
        json.WriteString("pre", Text(file, "tokenizer.ggml.pre"));
        json.WriteNumber("tokens", Length(file, "tokenizer.ggml.tokens"));
        json.WriteNumber("merges", Length(file, "tokenizer.ggml.merges"));
        json.WriteEndObject();
        json.WriteString("chatTemplate", Text(file, "tokenizer.chat_template"));
    }

    private static void WriteTable(IAnsiConsole console, GgufFile file)
    {
        var facts = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        void Fact(string name, string value) => facts.AddRow(Cell(name), Cell(value));

        Fact("architecture", Text(file, "general.architecture") ?? "not said");
        Fact("name", Text(file, "general.name") ?? "not said");
        Fact("parameters", Parameters(file).ToString("N0", CultureInfo.InvariantCulture));
        Fact("file", $"{file.ByteLength / 1e6:F1} MB");
        Fact("fingerprint", file.Fingerprint);
        Fact("tokenizer", $"{Text(file, "tokenizer.ggml.model") ?? "none"} {Text(file, "tokenizer.ggml.pre")}, {Length(file, "tokenizer.ggml.tokens")} tokens");
        Fact("chat template", Text(file, "tokenizer.chat_template") is { } template ? $"{template.Length} characters" : "none");
        console.Write(facts);

        var tensors = new Table().Border(Borders.Lines(console)).AddColumns("tensor", "shape", "type");
        foreach (var tensor in file.Tensors)
        {
            tensors.AddRow(Cell(tensor.Name), string.Join(" x ", tensor.Dimensions), tensor.Type.ToString());
        }

        console.Write(tensors);
    }

    // What a file says of itself was written by others.
    private static string Cell(string text) => Markup.Escape(TerminalText.Clean(text));

    private static long Parameters(GgufFile file) => file.Tensors.Sum(tensor => tensor.ElementCount);

    private static string? Text(GgufFile file, string key) => file.Metadata.TryGetString(key, out var value) ? value : null;

    private static int Length(GgufFile file, string key) => file.Metadata.TryGetType(key, out _, out _, out var count) ? count : 0;
}

using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Commands;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Training.Evaluation;
using Personalize.Training.Jobs;
using Spectre.Console;

namespace Personalize.Cli.Presentation;

/// <summary>How the outcome of <c>demo</c> is written.</summary>
internal static class DemoText
{
    public static void WriteJson(Utf8JsonWriter json, DemoReport report)
    {
        json.WriteString("model", report.Model);
        json.WriteStartObject("recipe");
        json.WriteNumber("rank", report.Recipe.Rank);
        json.WriteNumber("epochs", report.Recipe.Epochs);
        json.WriteNumber("learningRate", report.Recipe.LearningRate);
        json.WriteEndObject();
        json.WriteNumber("interactions", report.Interactions);
        json.WriteNumber("steps", report.Result.Training.Steps);
        TrainingText.WriteFigures(json, JobOutcome.Of(report.Result));
        json.WriteStartArray("losses");
        foreach (var loss in report.Result.Training.Losses)
        {
            json.WriteNumberValue(loss);
        }

        json.WriteEndArray();
        json.WriteStartArray("samples");
        foreach (var sample in report.Samples)
        {
            json.WriteStartObject();
            json.WriteString("context", sample.Context);
            json.WriteString("reference", sample.Reference);
            json.WriteString("before", sample.Before);
            json.WriteString("after", sample.After);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("stored");
        json.WriteNumber("files", report.Seal.Files);
        json.WriteNumber("bytes", report.Seal.Bytes);
        json.WriteNumber("soughtTexts", report.Seal.SoughtTexts);
        json.WriteNumber("readableTexts", report.Seal.ReadableTexts);
        json.WriteString("adapterId", report.AdapterId);
        json.WriteString("profile", report.KeptIn);
        json.WriteEndObject();
    }

    public static void WriteTables(IAnsiConsole console, DemoReport report)
    {
        var (training, gate, split) = (report.Result.Training, report.Result.Gate, report.Result.Split);
        var facts = new Table().Border(TableBorder.None).HideHeaders().AddColumn(new TableColumn("").NoWrap()).AddColumn("");
        facts.AddRow("model", Cell(report.Model));
        facts.AddRow("messages", $"{report.Interactions}: {split.TrainCount} to learn from, {split.TestCount} later ones to judge by");
        facts.AddRow("recipe", string.Create(CultureInfo.InvariantCulture, $"LoRA of rank {report.Recipe.Rank} on {report.Recipe.Targets.Count} maps, {report.Recipe.Epochs} {(report.Recipe.Epochs == 1 ? "pass" : "passes")}, rate {report.Recipe.LearningRate:G3}"));
        facts.AddRow("training", $"{training.TrainTokens} tokens in {training.Elapsed.TotalSeconds:F1} s, {training.TokensPerSecond:F0} a second, {ProcessMemory.PeakBytes() / 1e6:F0} MB at most");
        if (Sparkline.Draw(training.Losses, console.Profile.Capabilities.Unicode) is { Length: > 0 } line)
        {
            facts.AddRow("loss by step", $"[green]{Markup.Escape(line)}[/]");
        }

        console.Write(facts);
        console.WriteLine();
        var losses = new Table().Border(Borders.Box(console)).AddColumns("loss on later messages", "nats a token", "");
        losses.AddRow("the model as it came", AdapterText.Loss(gate.BaseNll), "");
        losses.AddRow("with what it learned", AdapterText.Loss(gate.AdapterNll), Verdict(gate));
        console.Write(losses);
        if (!gate.IsPromoted)
        {
            console.WriteLine($"rejected: {TrainingText.Reason(gate)}");
        }

        foreach (var sample in report.Samples)
        {
            var table = new Table().Border(Borders.Box(console)).Expand().Title($"[bold]{Cell(sample.Context)}[/]").AddColumns("the model before", "[green]the model after[/]", "the person wrote");
            table.AddRow(Cell(sample.Before), Cell(sample.After), Cell(sample.Reference));
            console.WriteLine();
            console.Write(table);
        }

        console.WriteLine();
        WriteStored(console, report);
        WriteNext(console, report);
    }

    private static string Verdict(GateDecision gate) => gate.IsPromoted
        ? $"[green]{gate.GainPercent:F1} % less[/], {TrainingText.Verdict(gate)}"
        : $"[red]{TrainingText.Verdict(gate)}[/]";

    private static void WriteStored(IAnsiConsole console, DemoReport report)
    {
        var seal = report.Seal;
        Line(console, $"Stored: {report.Interactions} messages and 1 adapter in {seal.Files} files, {seal.Bytes / 1e6:F1} MB, sealed with AES-256-GCM.");
        Line(console, seal.ReadableTexts == 0
            ? $"Checked: of {seal.SoughtTexts} messages looked for in these files none can be read. No connection was opened."
            : $"NOT SEALED: {seal.ReadableTexts} of {seal.SoughtTexts} messages looked for can be read in these files. Please report this.");
        Line(console, report.KeptIn is { } folder ? $"The profile is in {folder}." : "The profile was temporary and is gone.");
    }

    private static void WriteNext(IAnsiConsole console, DemoReport report)
    {
        console.WriteLine();
        Line(console, "Next:");
        var folder = report.KeptIn is { } kept ? Quoted(kept) : "my-demo";
        if (report.KeptIn is null)
        {
            Next("demo --keep my-demo");
        }

        Next($"chat --data {folder}");
        Next($"adapters list --data {folder}");
        Next("import my-history.jsonl");

        // In one piece also where it is longer than the line: it is to be copied.
        void Next(string arguments) => console.Profile.Out.Writer.WriteLine($"  {CommandName.Current} {arguments}");
    }

    private static void Line(IAnsiConsole console, string text) => console.WriteLine(TerminalText.Clean(text));

    private static string Quoted(string path) => path.Contains(' ', StringComparison.Ordinal) ? $"\"{path}\"" : path;

    private static string Cell(string text) => Markup.Escape(TerminalText.Clean(text));
}

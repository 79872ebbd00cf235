using System.Text.Json;
using Personalize.Cli.Commands;
using Personalize.Cli.Diagnostics;
using Personalize.Training.Jobs;
using Spectre.Console;

namespace Personalize.Cli.Presentation;

/// <summary>How the outcome of <c>demo</c> is written.</summary>
internal static class DemoText
{
    public static void WriteSamples(Utf8JsonWriter json, IReadOnlyList<DemoSample> samples)
    {
        json.WriteStartArray("samples");
        foreach (var sample in samples)
        {
            json.WriteStartObject();
            json.WriteString("context", sample.Context);
            json.WriteString("reference", sample.Reference);
            json.WriteString("before", sample.Before);
            json.WriteString("after", sample.After);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public static void WriteTables(IAnsiConsole console, string model, int interactions, PersonalizationResult result, IReadOnlyList<DemoSample> samples)
    {
        var facts = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
        facts.AddRow("model", Cell(model));
        facts.AddRow("interactions", $"{interactions}: {result.Split.TrainCount} to learn from, {result.Split.TestCount} later ones to judge by");
        facts.AddRow("training", $"{result.Training.TrainTokens} tokens in {result.Training.Elapsed.TotalSeconds:F1} s, {result.Training.TokensPerSecond:F0} a second");
        facts.AddRow("memory", $"{ProcessMemory.PeakBytes() / 1e6:F0} MB at most");
        facts.AddRow("loss on later texts", $"{AdapterText.Loss(result.Gate.BaseNll)} before, {AdapterText.Loss(result.Gate.AdapterNll)} after ({result.Gate.GainPercent:F1} % better)");
        facts.AddRow("gate", $"{TrainingText.Verdict(result.Gate)}: {Cell(TrainingText.Reason(result.Gate))}");
        console.Write(facts);

        foreach (var sample in samples)
        {
            var table = new Table().Expand().Title(Cell(sample.Context)).AddColumns("the person wrote", "the model before", "the model after");
            table.AddRow(Cell(sample.Reference), Cell(sample.Before), Cell(sample.After));
            console.WriteLine();
            console.Write(table);
        }
    }

    private static string Cell(string text) => Markup.Escape(TerminalText.Clean(text));
}

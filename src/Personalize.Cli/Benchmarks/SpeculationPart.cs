using System.Globalization;
using System.Text.Json;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>speculation</c>: what each drafter gains on a person's later rows, on texts to be edited, on those answers among them that do repeat, and on dialogues, and whether the texts are identical, with and without sinks and an adapter.</summary>
internal sealed class SpeculationPart(IReadOnlyList<SpeculationScenario> scenarios, IReadOnlyList<DrafterKind> drafters, int maxTokens, int check) : IInferencePart
{
    private const int SinkTokens = 4;

    // Small enough that every checked text goes round the ring.
    private const int CheckWindow = 48;
    private readonly List<(string Scenario, List<SpeculationFigures> Figures)> _rows = [];
    private readonly List<(bool Sinks, bool Adapter, List<SpeculationFigures> Figures)> _checks = [];

    public void Run(InferenceBench bench)
    {
        var engine = bench.Engine;
        var run = new SpeculationRun(bench, drafters, maxTokens);
        using var own = engine.Adapter is null ? null : new AttachedAdapter(engine.Adapter, engine.Model);
        foreach (var scenario in scenarios)
        {
            var (whole, part) = run.Run(scenario, scenario.Prompts.Count, repeat: false, own, bounded: null);
            _rows.Add((scenario.Name, whole));
            if (scenario.Part is not null)
            {
                _rows.Add((scenario.Part.Name, part));
            }
        }

        if (check == 0)
        {
            return;
        }

        // Prompts of all kinds in turn, the history of the first.
        var longest = scenarios.Max(scenario => scenario.Prompts.Count);
        var mixed = Enumerable.Range(0, longest).SelectMany(i => scenarios.Where(scenario => i < scenario.Prompts.Count).Select(scenario => scenario.Prompts[i]));
        var all = new SpeculationScenario("check", [.. mixed], scenarios[0].History);
        using var other = own is null ? new AttachedAdapter(SyntheticAdapter.Create(engine.Model, bench.Context.Seed ?? 0), engine.Model) : null;
        foreach (var sinks in new[] { false, true })
        {
            var bounded = sinks ? new DecoderSessionOptions { SinkTokenCount = SinkTokens, WindowSize = CheckWindow, RollbackTokens = DecoderSession.MostVerifyTokens } : null;
            foreach (var adapter in new[] { null, own ?? other })
            {
                _checks.Add((sinks, adapter is not null, run.Run(all, check, repeat: true, adapter, bounded).All));
            }
        }
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("speculation");
        json.WriteStartArray("scenarios");
        foreach (var (scenario, figures) in _rows)
        {
            json.WriteStartObject();
            json.WriteString("scenario", scenario);
            WriteFigures(json, figures);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("check");
        foreach (var (sinks, adapter, figures) in _checks)
        {
            json.WriteStartObject();
            json.WriteBoolean("sinks", sinks);
            json.WriteBoolean("adapter", adapter);
            WriteFigures(json, figures);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        foreach (var (scenario, figures) in _rows)
        {
            foreach (var row in figures.Where(row => row.Texts > 0))
            {
                yield return string.Create(
                    CultureInfo.InvariantCulture,
                    $"{scenario}, {row.Drafter}: {row.PlainTokensPerSecond:F0} to {row.TokensPerSecond:F0} tokens/s, {row.SpeedUp:F2} x; {row.Accepted} of {row.Drafted} accepted; identical: {row.Identical} of {row.Texts}");
            }
        }

        foreach (var (sinks, adapter, figures) in _checks)
        {
            foreach (var row in figures)
            {
                yield return $"{row.Drafter}, {(sinks ? "with" : "without")} sinks, {(adapter ? "with" : "without")} an adapter: identical: {row.Identical} of {row.Texts}";
            }
        }
    }

    private static void WriteFigures(Utf8JsonWriter json, List<SpeculationFigures> figures)
    {
        json.WriteStartArray("drafters");
        foreach (var row in figures)
        {
            row.Write(json);
        }

        json.WriteEndArray();
    }
}

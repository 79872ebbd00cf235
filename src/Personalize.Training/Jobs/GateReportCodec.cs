using System.Text.Json;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>The figures of a gate's decision beside the losses, as properties of a log's outcome; absent where they were not measured, as in logs of earlier builds.</summary>
internal static class GateReportCodec
{
    public static void Write(Utf8JsonWriter json, GateDecision gate)
    {
        WriteNumbers(json, "againstBase", gate.AgainstBase is { } b ? [b.Difference, b.Low, b.High] : null);
        WriteNumbers(json, "againstIncumbent", gate.AgainstIncumbent is { } i ? [i.Difference, i.Low, i.High] : null);
        WriteNumbers(json, "general", gate.General is { } g ? [g.BaseScore, g.AdapterScore, g.LeastFall] : null);
        WriteNumbers(json, "canary", gate.Canary is { } c ? [c.BaseBits, c.AdapterBits, c.Planted] : null);
    }

    public static GateDecision Read(JsonElement outcome, GateDecision gate) => gate with
    {
        AgainstBase = ReadNumbers(outcome, "againstBase") is { } b ? new BootstrapInterval(b[0], b[1], b[2]) : null,
        AgainstIncumbent = ReadNumbers(outcome, "againstIncumbent") is { } i ? new BootstrapInterval(i[0], i[1], i[2]) : null,
        General = ReadNumbers(outcome, "general") is { } g ? new GeneralChange(g[0], g[1], g[2]) : null,
        Canary = ReadNumbers(outcome, "canary") is { } c ? new CanaryCheck(c[0], c[1], (int)c[2]) : null,
    };

    // As text: a loss that went to infinity is a figure too, but none that JSON has.
    private static void WriteNumbers(Utf8JsonWriter json, string name, double[]? numbers)
    {
        if (numbers is null)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var number in numbers)
        {
            json.WriteStringValue(JobLogCodec.Number(number));
        }

        json.WriteEndArray();
    }

    private static List<double>? ReadNumbers(JsonElement outcome, string name) =>
        outcome.TryGetProperty(name, out var numbers) ? [.. numbers.EnumerateArray().Select(number => JobLogCodec.Number(number.GetString() ?? throw new FormatException(name))), 0, 0, 0] : null;
}

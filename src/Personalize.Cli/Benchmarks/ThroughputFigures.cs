using System.Globalization;
using System.Text.Json;

namespace Personalize.Cli.Benchmarks;

/// <summary>What an engine reaches, tokens a second unless said otherwise; medians over the runs.</summary>
/// <param name="promptTokens">How long the prompt is; part of the figures' names.</param>
internal sealed class ThroughputFigures(int promptTokens)
{
    public int PromptTokens { get; } = promptTokens;

    public Samples Prefill { get; } = new();

    public Samples DecodeEmpty { get; } = new();

    public Samples DecodeAfter { get; } = new();

    /// <summary>One pass over eight tokens with all their logits, in decode steps at the same depth; empty where it was not measured.</summary>
    public Samples Verify8 { get; } = new();

    /// <summary>The largest resident memory of the process, in bytes; 0 where it was not measured.</summary>
    public long ResidentBytes { get; set; }

    public void Write(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject(name);
        WriteIfMeasured(json, $"prefill{PromptTokens}", Prefill, 1);
        WriteIfMeasured(json, "decode0", DecodeEmpty, 1);
        WriteIfMeasured(json, $"decode{PromptTokens}", DecodeAfter, 1);
        WriteIfMeasured(json, "verify8", Verify8, 3);
        if (ResidentBytes > 0)
        {
            json.WriteNumber("residentBytes", ResidentBytes);
        }

        json.WriteEndObject();
    }

    /// <summary>Writes these figures over another engine's, those that both have.</summary>
    public void WriteRatios(Utf8JsonWriter json, string name, ThroughputFigures other)
    {
        json.WriteStartObject(name);
        foreach (var (figure, mine, theirs) in new[] { ($"prefill{PromptTokens}", Prefill, other.Prefill), ("decode0", DecodeEmpty, other.DecodeEmpty), ($"decode{PromptTokens}", DecodeAfter, other.DecodeAfter) })
        {
            if (mine.Count > 0 && theirs.Median > 0)
            {
                json.WriteNumber(figure, Math.Round(mine.Median / theirs.Median, 3));
            }
        }

        json.WriteEndObject();
    }

    /// <summary>One line for a person.</summary>
    public string Describe(string name) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}: prefill {PromptTokens} {Prefill.Median:F0}, decode {DecodeEmpty.Median:F0}, decode after {PromptTokens} {DecodeAfter.Median:F0} tokens/s");

    private static void WriteIfMeasured(Utf8JsonWriter json, string name, Samples samples, int digits)
    {
        if (samples.Count > 0)
        {
            json.WriteNumber(name, Math.Round(samples.Median, digits));
        }
    }
}

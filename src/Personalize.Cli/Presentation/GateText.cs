using System.Text.Json;
using Personalize.Training.Evaluation;

namespace Personalize.Cli.Presentation;

/// <summary>How the gate's figures are written for scripts: the object <c>gateReport</c>; what was not measured is null.</summary>
internal static class GateText
{
    /// <summary>Writes it into an open object.</summary>
    public static void Write(Utf8JsonWriter json, GateDecision gate)
    {
        json.WriteStartObject("gateReport");
        json.WriteString("outcome", JsonNamingPolicy.CamelCase.ConvertName(gate.Outcome.ToString()));
        json.WriteString("reason", gate.Explain());
        WriteInterval(json, "againstBase", gate.AgainstBase);
        WriteInterval(json, "againstIncumbent", gate.AgainstIncumbent);
        if (gate.General is { } general)
        {
            json.WriteStartObject("general");
            AdapterText.WriteFigure(json, "base", general.BaseScore);
            AdapterText.WriteFigure(json, "adapter", general.AdapterScore);
            AdapterText.WriteFigure(json, "fallPercent", 100 * general.Fall);
            AdapterText.WriteFigure(json, "leastFallPercent", 100 * general.LeastFall);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("general");
        }

        if (gate.Canary is { } canary)
        {
            json.WriteStartObject("canary");
            json.WriteNumber("planted", canary.Planted);
            json.WriteNumber("baseBits", canary.BaseBits);
            json.WriteNumber("adapterBits", canary.AdapterBits);
            json.WriteNumber("ofBits", Canary.MaximumBits);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("canary");
        }

        json.WriteEndObject();
    }

    private static void WriteInterval(Utf8JsonWriter json, string name, BootstrapInterval? interval)
    {
        if (interval is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteNumber("difference", interval.Difference);
        json.WriteNumber("low", interval.Low);
        json.WriteNumber("high", interval.High);
        json.WriteEndObject();
    }
}

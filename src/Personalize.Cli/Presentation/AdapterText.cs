using System.Globalization;
using System.Text.Json;
using Personalize.Core.Adapters;

namespace Personalize.Cli.Presentation;

/// <summary>How the record of an adapter is written.</summary>
internal static class AdapterText
{
    /// <summary>The name of an adapted map as PEFT calls it.</summary>
    public static string Target(LinearModule module) => module switch
    {
        LinearModule.Query => "q_proj",
        LinearModule.Key => "k_proj",
        LinearModule.Value => "v_proj",
        LinearModule.Output => "o_proj",
        LinearModule.Gate => "gate_proj",
        LinearModule.Up => "up_proj",
        _ => "down_proj",
    };

    /// <summary>The status in one word.</summary>
    public static string Status(AdapterStatus status) => JsonNamingPolicy.CamelCase.ConvertName(status.ToString());

    /// <summary>A loss, or a dash where it was not measured.</summary>
    public static string Loss(double? nll) => nll?.ToString("F4", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>Writes the properties of a record into an open object.</summary>
    public static void Write(Utf8JsonWriter json, AdapterRecord record)
    {
        json.WriteString("id", record.Id);
        json.WriteString("created", record.Created);
        json.WriteString("status", Status(record.Status));
        json.WriteNumber("rank", record.Configuration.Rank);
        json.WriteNumber("alpha", record.Configuration.Alpha);
        json.WriteBoolean("rankStabilizedScaling", record.Configuration.UseRankStabilizedScaling);
        json.WriteStartArray("targets");
        foreach (var target in record.Configuration.Targets)
        {
            json.WriteStringValue(Target(target));
        }

        json.WriteEndArray();
        json.WriteString("baseFingerprint", record.BaseFingerprint);
        WriteFigure(json, "testNllBase", record.Provenance.TestNllBase);
        WriteFigure(json, "testNllAdapter", record.Provenance.TestNllAdapter);
        WriteFigure(json, "testNllIncumbent", record.Provenance.TestNllIncumbent);
        if (record.Provenance.TrainedOn is { } range)
        {
            json.WriteStartObject("trainedOn");
            json.WriteNumber("interactions", range.Count);
            json.WriteNumber("firstId", range.FirstId);
            json.WriteNumber("lastId", range.LastId);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("trainedOn");
        }

        json.WriteNumber("steps", record.Provenance.Steps);
        json.WriteNumber("trainTokens", record.Provenance.TrainTokens);
        json.WriteString("recipe", record.Provenance.Recipe);
    }

    /// <summary>Writes a figure, or null where there is none or none that JSON has.</summary>
    public static void WriteFigure(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}

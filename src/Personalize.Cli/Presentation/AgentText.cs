using System.Text.Json;
using Personalize.Hosting.Overnight;

namespace Personalize.Cli.Presentation;

/// <summary>How the overnight agent's entries and status are written.</summary>
internal static class AgentText
{
    /// <summary>An entry in a line.</summary>
    public static string Line(OvernightEntry entry) =>
        $"{entry.At:yyyy-MM-dd HH:mm}{(entry.Until - entry.At >= TimeSpan.FromMinutes(1) ? $" to {entry.Until:HH:mm}" : "")} {Name(entry.Kind)}{(entry.AdapterId is null ? "" : " " + entry.AdapterId)}: {entry.Reason}";

    /// <summary>Writes an entry into an open object.</summary>
    public static void WriteEntry(Utf8JsonWriter json, OvernightEntry entry)
    {
        json.WriteString("at", entry.At);
        json.WriteString("until", entry.Until);
        json.WriteString("outcome", Name(entry.Kind));
        json.WriteString("reason", entry.Reason);
        json.WriteString("adapterId", entry.AdapterId);
    }

    /// <summary>Writes a status into an open object: what is not known counts as false and is named in <c>unknown</c>.</summary>
    public static void WriteStatus(Utf8JsonWriter json, OvernightStatus status)
    {
        json.WriteStartObject("conditions");
        foreach (var (condition, reading) in status.Conditions.Each)
        {
            json.WriteBoolean(Name(condition), reading.IsMet);
        }

        json.WriteEndObject();
        json.WriteStartArray("unknown");
        foreach (var (condition, _) in status.Conditions.Each.Where(entry => entry.Reading.Holds is null))
        {
            json.WriteStringValue(Name(condition));
        }

        json.WriteEndArray();
        json.WriteStartObject("reasons");
        foreach (var (condition, reading) in status.Conditions.Each)
        {
            json.WriteString(Name(condition), reading.Reason);
        }

        json.WriteEndObject();
        json.WriteNumber("pendingInteractions", status.PendingInteractions);
        json.WriteBoolean("pendingJob", status.HasPendingJob);
        json.WriteBoolean("training", status.IsTraining);
        if (status.History.LastRun is { } last)
        {
            json.WriteStartObject("lastRun");
            WriteEntry(json, last);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("lastRun");
        }

        json.WriteStartArray("history");
        foreach (var entry in status.History.Entries)
        {
            json.WriteStartObject();
            WriteEntry(json, entry);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}

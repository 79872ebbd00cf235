using System.Text.Json;
using Personalize.Cli.Models;

namespace Personalize.Cli.Profiles;

/// <summary>The model a profile was last trained with, so that later commands find it. Only the file's path is kept, which says nothing of the person.</summary>
internal static class RememberedModel
{
    private const string FileName = "model.json";

    /// <summary>The path, or null where none is remembered.</summary>
    public static string? Read(string dataDirectory)
    {
        var file = Path.Combine(dataDirectory, FileName);
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(TextFile.Read(file));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("path", out var path) && path.ValueKind == JsonValueKind.String
                ? path.GetString()
                : null;
        }
        catch (JsonException)
        {
            // A damaged reminder is as good as none: the command then asks for --model.
            return null;
        }
    }

    /// <summary>Writes it into the profile's folder.</summary>
    public static void Write(string dataDirectory, string modelPath) =>
        OutputFile.WritePrivate(Path.Combine(dataDirectory, FileName), stream =>
        {
            using var json = new Utf8JsonWriter(stream);
            json.WriteStartObject();
            json.WriteString("path", Path.GetFullPath(modelPath));
            json.WriteEndObject();
        });
}

using System.Text.Json;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Models;

/// <summary>A file of text to be scored.</summary>
internal static class CorpusFile
{
    /// <summary>Reads a text file, or the texts of a file of interactions, joined by blank lines.</summary>
    /// <exception cref="InputFileException">Missing, unreadable, or not what its name says.</exception>
    public static string Read(string path)
    {
        var content = TextFile.Read(path);
        return path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) ? string.Join("\n\n", Texts(path, content)) : content;
    }

    private static IEnumerable<string> Texts(string path, string content)
    {
        var number = 0;
        foreach (var line in content.Split('\n'))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return Text(path, number, line);
            }
        }
    }

    private static string Text(string path, int number, string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                ? text.GetString()!
                : throw new InputFileException(path, $"line {number} has no text: each line must be an object with the string \"text\"");
        }
        catch (JsonException exception)
        {
            throw new InputFileException(path, $"line {number} is not JSON: each line must be an object with the string \"text\"", innerException: exception);
        }
    }
}

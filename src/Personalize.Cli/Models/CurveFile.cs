using System.Text;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Training.Pretraining;

namespace Personalize.Cli.Models;

/// <summary>A training curve as JSON lines. A point that was measured again after an interruption replaces the earlier one.</summary>
internal sealed class CurveFile : IProgress<CurvePoint>
{
    private readonly string _path;
    private readonly SortedDictionary<int, string> _lines = [];

    /// <exception cref="InputFileException">What is there is no curve.</exception>
    public CurveFile(string path)
    {
        _path = path;
        if (!File.Exists(path))
        {
            return;
        }

        foreach (var line in TextFile.Read(path).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                using var json = JsonDocument.Parse(line);
                _lines[json.RootElement.GetProperty("step"u8).GetInt32()] = line;
            }
            catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw new InputFileException(path, "it is no training curve: delete it, or choose another output", innerException: exception);
            }
        }
    }

    public void Report(CurvePoint value)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("step", value.Step);
            json.WriteNumber("tokens", value.Tokens);
            json.WriteNumber("trainLoss", Math.Round(value.TrainLoss, 5));
            json.WriteNumber("devLoss", Math.Round(value.DevLoss, 5));
            json.WriteNumber("devBitsPerByte", Math.Round(value.DevBitsPerByte, 5));
            json.WriteNumber("learningRate", value.LearningRate);
            json.WriteNumber("seconds", Math.Round(value.Elapsed.TotalSeconds, 1));
            json.WriteEndObject();
        }

        _lines[value.Step] = Encoding.UTF8.GetString(buffer.ToArray());
        OutputFile.Write(_path, stream => stream.Write(Encoding.UTF8.GetBytes(string.Join('\n', _lines.Values) + "\n")));
    }
}

using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Options;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>memory</c>: what a process of its own holds, beside the size of the model file, when it has decoded in a context of 2,048 tokens: at the beginning of a conversation, and to the context's end. Keys and values take room page by page.</summary>
internal sealed class MemoryPart : IInferencePart
{
    private const int ContextTokens = 2048;
    private const int DecodeTokens = 32;
    private int _context;
    private long _atStart;
    private long _resident;
    private long _peak;
    private long _file;

    public void Run(InferenceBench bench)
    {
        var model = bench.Engine.Model;
        _context = Math.Min(ContextTokens, model.Description.ContextLength);
        _file = new FileInfo(model.Path).Length;
        (_atStart, _) = Decode(bench, 1);
        (_resident, _peak) = Decode(bench, _context - DecodeTokens);
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("memory");
        json.WriteNumber("contextTokens", _context);
        json.WriteNumber("fileBytes", _file);
        json.WriteNumber("residentBytes", _resident);
        json.WriteNumber("peakResidentBytes", _peak);
        json.WriteNumber("residentOverFileBytes", _resident - _file);
        json.WriteNumber("residentOverFileAtStartBytes", _atStart - _file);
        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"context of {_context} tokens: {_resident / 1e6:F0} MB resident at its end, {_atStart / 1e6:F0} MB at its beginning, {_peak / 1e6:F0} MB at most; the file has {_file / 1e6:F0} MB");
    }

    private static (long Resident, long Peak) Decode(InferenceBench bench, int promptTokens)
    {
        var model = bench.Engine.Model;
        var ids = string.Join(',', SyntheticTokens.Take(promptTokens, model.Description.VocabularySize));
        string[] cacheType = bench.Engine.CachePrecision is { } precision ? [CacheTypeOption.Name, CacheTypeOption.WordFor(precision)] : [];
        using var process = OwnProcess.Start(
            bench.Context, model.Path, ["generate", "--ids", ids, "--max-tokens", DecodeTokens.ToString(CultureInfo.InvariantCulture), "--adapter", AdapterOption.None, "--json", .. cacheType]);
        var line = process.StandardOutput.ReadToEnd();
        OwnProcess.Finish(process);
        using var json = JsonDocument.Parse(line);
        return (json.RootElement.GetProperty("residentBytes").GetInt64(), json.RootElement.GetProperty("peakResidentBytes").GetInt64());
    }
}

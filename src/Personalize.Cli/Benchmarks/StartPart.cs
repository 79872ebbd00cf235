using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Options;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>start</c>: from the start of a process to the first text of a short prompt, the model file in the page cache.</summary>
internal sealed class StartPart : IInferencePart
{
    private readonly Samples _seconds = new();

    public void Run(InferenceBench bench) => bench.Repeat(counts =>
    {
        // The first, uncounted run brings the file into the page cache.
        var began = bench.Time.GetTimestamp();
        using var process = OwnProcess.Start(bench.Context, bench.Engine.Model.Path, "generate", "--prompt", "The sea", "--max-tokens", "2", "--adapter", AdapterOption.None);
        var first = process.StandardOutput.Read();
        var elapsed = bench.Time.GetElapsedTime(began).TotalSeconds;
        process.StandardOutput.ReadToEnd();
        OwnProcess.Finish(process);
        if (counts && first >= 0)
        {
            _seconds.Add(elapsed);
        }
    });

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("start");
        json.WriteNumber("firstTokenMilliseconds", Math.Round(1e3 * _seconds.Median, 1));
        json.WriteNumber("firstTokenMillisecondsBest", Math.Round(1e3 * _seconds.Smallest, 1));
        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"from process start to the first token: {1e3 * _seconds.Median:F0} ms, at best {1e3 * _seconds.Smallest:F0} ms");
    }
}

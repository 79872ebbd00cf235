using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Benchmarks;

/// <summary>Runs a peer that answers <c>PEER bench MODEL THREADS PREFILL DECODE REPEATS [LORA]</c> with one line of JSON (<c>prefillMedian</c>, <c>decodeMedian</c>), on the same file.</summary>
internal sealed class PeerBenchmark(string peer, string model, int threads, string? adapter = null)
{
    /// <summary>The longest prompt that the peer takes.</summary>
    public const int LongestPrompt = 2048;

    /// <summary>One run: the peer warms up by itself.</summary>
    public void Run(ThroughputFigures figures)
    {
        var (prefill, decode) = Measure(figures.PromptTokens, ThroughputBenchmark.DecodeTokens);
        figures.Prefill.Add(prefill);
        figures.DecodeAfter.Add(decode);
        figures.DecodeEmpty.Add(Measure(promptTokens: 1, ThroughputBenchmark.DecodeTokens).Decode);
    }

    /// <summary>Tokens a second of a prompt and of decoding after it.</summary>
    /// <exception cref="InputFileException">The peer is no such program, or does not run the model.</exception>
    public (double Prefill, double Decode) Measure(int promptTokens, int decodeTokens)
    {
        var start = new ProcessStartInfo(peer) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in new[] { "bench", model, Text(threads), Text(promptTokens), Text(decodeTokens), "1" })
        {
            start.ArgumentList.Add(argument);
        }

        if (adapter is not null)
        {
            start.ArgumentList.Add(adapter);
        }

        try
        {
            using var process = Process.Start(start) ?? throw new InputFileException(peer, "the peer did not start");
            var line = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            using var json = JsonDocument.Parse(process.ExitCode == 0 ? line : "{}");
            return json.RootElement.TryGetProperty("prefillMedian", out var prefill) && json.RootElement.TryGetProperty("decodeMedian", out var decode)
                ? (prefill.GetDouble(), decode.GetDouble())
                : throw new InputFileException(peer, $"the peer ended with {process.ExitCode} and no figures: check that it runs {model}");
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or JsonException)
        {
            throw new InputFileException(peer, "not a program that answers `bench` with JSON: give the path that the peer's installation printed");
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}

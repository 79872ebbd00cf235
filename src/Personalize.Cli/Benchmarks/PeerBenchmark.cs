using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Benchmarks;

/// <summary>Runs a peer that answers <c>PEER bench MODEL THREADS PREFILL DECODE REPEATS</c> with one line of JSON (<c>prefillMedian</c>, <c>decodeMedian</c>), on the same file.</summary>
internal sealed class PeerBenchmark(string peer, string model, int threads)
{
    /// <summary>One run: the peer warms up by itself.</summary>
    public void Run(ThroughputFigures figures)
    {
        var (prefill, decode) = Bench(InferenceBenchmark.PrefillTokens);
        figures.AddPrefill512(prefill);
        figures.AddDecode512(decode);
        figures.AddDecode0(Bench(prefillTokens: 1).Decode);
    }

    private (double Prefill, double Decode) Bench(int prefillTokens)
    {
        var start = new ProcessStartInfo(peer) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in new[] { "bench", model, Text(threads), Text(prefillTokens), Text(InferenceBenchmark.DecodeTokens), "1" })
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(start) ?? throw new InputFileException(peer, "the peer did not start");
            var line = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            using var json = JsonDocument.Parse(process.ExitCode == 0 ? line : "{}");
            return json.RootElement.TryGetProperty("prefillMedian", out var prefill) && json.RootElement.TryGetProperty("decodeMedian", out var decode)
                ? (prefill.GetDouble(), decode.GetDouble())
                : throw new InputFileException(peer, $"the peer ended with {process.ExitCode} and no figures: check that it runs this model");
        }
        catch (Exception exception) when (exception is System.ComponentModel.Win32Exception or JsonException)
        {
            throw new InputFileException(peer, "not a program that answers `bench` with JSON: give the path that the peer's installation printed");
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}

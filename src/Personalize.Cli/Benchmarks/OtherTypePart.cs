using System.Text.Json;
using Personalize.Cli.Models;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>q4_0</c>: the same model with its linear maps as Q4_0, the peer's fastest form; ours on that file, the peer on it, and ours on the file that was asked for against that peer.</summary>
internal sealed class OtherTypePart : IInferencePart
{
    private readonly ThroughputFigures _ours = new(ThroughputBenchmark.PromptTokens);
    private readonly ThroughputFigures _original = new(ThroughputBenchmark.PromptTokens);
    private readonly ThroughputFigures _peer = new(ThroughputBenchmark.PromptTokens);

    public void Run(InferenceBench bench)
    {
        var path = Path.Combine(bench.Folder, "q4_0.gguf");
        RequantizedModelFile.Write(bench.Engine.Model.Path, path, GgmlType.Q4_0);
        using (var model = InferenceBench.Load(path, bench.Threads))
        {
            var ours = new ThroughputBenchmark(model, bench.Engine.Pool, bench.Time, cachePrecision: bench.Engine.CachePrecision);
            var original = new ThroughputBenchmark(bench.Engine.Model, bench.Engine.Pool, bench.Time, cachePrecision: bench.Engine.CachePrecision);
            bench.Repeat(counts =>
            {
                ours.Run(counts ? _ours : new ThroughputFigures(ThroughputBenchmark.PromptTokens));
                original.Run(counts ? _original : new ThroughputFigures(ThroughputBenchmark.PromptTokens));
                if (counts)
                {
                    bench.PeerOn(path)?.Run(_peer);
                }
            });
        }

        File.Delete(path);
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("q4_0");
        _ours.ResidentBytes = _original.ResidentBytes = 0;
        _ours.Write(json, "ours");
        _original.Write(json, "oursOriginal");
        if (_peer.Prefill.Count > 0)
        {
            _peer.Write(json, "peer");
            _ours.WriteRatios(json, "ratios", _peer);
            _original.WriteRatios(json, "ratiosOriginal", _peer);
        }

        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return _ours.Describe("ours, as Q4_0");
        if (_peer.Prefill.Count > 0)
        {
            yield return _peer.Describe("peer, as Q4_0");
        }
    }
}

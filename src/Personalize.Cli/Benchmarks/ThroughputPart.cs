using System.Globalization;
using System.Text.Json;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>throughput</c>: the model as it was asked for, and the peer on the same file.</summary>
internal sealed class ThroughputPart : IInferencePart
{
    private readonly ThroughputFigures _ours = new(ThroughputBenchmark.PromptTokens);
    private readonly ThroughputFigures _peer = new(ThroughputBenchmark.PromptTokens);
    private DecoderModel? _model;

    public void Run(InferenceBench bench)
    {
        var engine = bench.Engine;
        _model = engine.Model;
        using var adapter = engine.Adapter is null ? null : new AttachedAdapter(engine.Adapter, engine.Model);
        var benchmark = new ThroughputBenchmark(engine.Model, engine.Pool, bench.Time, adapter, engine.CachePrecision);
        bench.Repeat(counts =>
        {
            benchmark.Run(counts ? _ours : new ThroughputFigures(ThroughputBenchmark.PromptTokens));
            if (counts)
            {
                bench.PeerOn(engine.Model.Path)?.Run(_peer);
            }
        });
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        _ours.Write(json, "ours");
        WeightTraffic.Write(json, "traffic", _model!, _ours, readBytesPerSecond);
        if (_peer.Prefill.Count > 0)
        {
            _peer.Write(json, "peer");
            _ours.WriteRatios(json, "ratios", _peer);
        }
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return _ours.Describe("ours");
        if (_peer.Prefill.Count > 0)
        {
            yield return _peer.Describe("peer");
        }

        var share = WeightTraffic.BytesPerToken(_model!) * _ours.DecodeEmpty.Median / readBytesPerSecond;
        yield return string.Create(CultureInfo.InvariantCulture, $"one pass over 8 drafted tokens: {_ours.Verify8.Median:F2} decode steps; decoding reads weights at {share:P0} of what the memory gives");
    }
}

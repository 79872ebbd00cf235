using System.Globalization;
using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Inference.Adapters;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>adapter</c>: what an adapter of rank 8 on all linear maps costs while it is attached; with and without alternate within each run. The peer carries the same adapter.</summary>
internal sealed class AdapterPart : IInferencePart
{
    private readonly ThroughputFigures _with = new(ThroughputBenchmark.PromptTokens);
    private readonly ThroughputFigures _without = new(ThroughputBenchmark.PromptTokens);
    private readonly ThroughputFigures _peer = new(ThroughputBenchmark.PromptTokens);
    private int _rank;
    private long _bytes;

    public void Run(InferenceBench bench)
    {
        var engine = bench.Engine;
        var adapter = engine.Adapter ?? SyntheticAdapter.Create(engine.Model, bench.Context.Seed ?? 0);
        using var attached = new AttachedAdapter(adapter, engine.Model);
        _rank = adapter.Configuration.Rank;
        _bytes = attached.ByteLength;
        var file = Path.Combine(bench.Folder, "adapter.gguf");
        if (bench.Peer is not null)
        {
            GgufAdapter.Export(file, adapter, engine.Model.Description, overwrite: true);
        }

        var with = new ThroughputBenchmark(engine.Model, engine.Pool, bench.Time, attached, engine.CachePrecision);
        var without = new ThroughputBenchmark(engine.Model, engine.Pool, bench.Time, cachePrecision: engine.CachePrecision);
        bench.Repeat(counts =>
        {
            with.Run(counts ? _with : new ThroughputFigures(ThroughputBenchmark.PromptTokens));
            without.Run(counts ? _without : new ThroughputFigures(ThroughputBenchmark.PromptTokens));
            if (counts)
            {
                bench.PeerOn(engine.Model.Path, file)?.Run(_peer);
            }
        });
        File.Delete(file);
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartObject("adapter");
        json.WriteNumber("rank", _rank);
        json.WriteNumber("bytes", _bytes);
        _with.ResidentBytes = _without.ResidentBytes = 0;
        _with.Write(json, "attached");
        _without.Write(json, "without");
        _with.WriteRatios(json, "attachedOfWithout", _without);
        if (_peer.Prefill.Count > 0)
        {
            _peer.Write(json, "peer");
            _with.WriteRatios(json, "ratios", _peer);
        }

        json.WriteEndObject();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond)
    {
        yield return _with.Describe($"with an adapter of rank {_rank}");
        yield return _without.Describe("without");
        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"slower by {1 - (_with.Prefill.Median / _without.Prefill.Median):P1} in prefill, {1 - (_with.DecodeEmpty.Median / _without.DecodeEmpty.Median):P1} in decode, {1 - (_with.DecodeAfter.Median / _without.DecodeAfter.Median):P1} after {_with.PromptTokens} tokens");
        if (_peer.Prefill.Count > 0)
        {
            yield return _peer.Describe("peer with the adapter");
        }
    }
}

using System.Text.Json;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Benchmarks;

/// <summary><c>shapes</c>: random weights in the shapes of larger models, Q4_0 and Q4_1; what the folder holds already is used again.</summary>
/// <param name="shapes">Which shapes.</param>
/// <param name="keep">Whether the files stay in the folder.</param>
internal sealed class ShapePart(IReadOnlyList<ModelShape> shapes, bool keep) : IInferencePart
{
    private const int PromptTokens = 128;
    private static readonly GgmlType[] Types = [GgmlType.Q4_0, GgmlType.Q4_1];
    private readonly List<Row> _rows = [];

    public void Run(InferenceBench bench)
    {
        foreach (var shape in shapes)
        {
            foreach (var type in Types)
            {
                bench.Context.CancellationToken.ThrowIfCancellationRequested();
                var seed = bench.Context.Seed ?? 0;
                var path = Path.Combine(bench.Folder, $"{shape.Name}.{type}.{seed}.gguf");
                if (!File.Exists(path))
                {
                    SyntheticModelFile.Write(path, shape, type, seed);
                }

                _rows.Add(Measure(bench, shape, type, path));
                if (!keep)
                {
                    File.Delete(path);
                }
            }
        }
    }

    public void Write(Utf8JsonWriter json, double readBytesPerSecond)
    {
        json.WriteStartArray("shapes");
        foreach (var row in _rows)
        {
            json.WriteStartObject();
            json.WriteString("shape", row.Shape.Name);
            json.WriteString("type", row.Type.ToString());
            json.WriteNumber("fileBytes", row.FileBytes);
            row.Ours.Write(json, "ours");
            json.WriteNumber("bytesPerToken", row.BytesPerToken);
            json.WriteNumber("decode0OfRead", Math.Round(row.BytesPerToken * row.Ours.DecodeEmpty.Median / readBytesPerSecond, 3));
            if (row.Peer.Prefill.Count > 0)
            {
                row.Peer.Write(json, "peer");
                row.Ours.WriteRatios(json, "ratios", row.Peer);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    public IEnumerable<string> Describe(double readBytesPerSecond) => _rows.SelectMany(row => row.Peer.Prefill.Count > 0
        ? new[] { row.Ours.Describe($"{row.Shape.Name} {row.Type}, ours"), row.Peer.Describe($"{row.Shape.Name} {row.Type}, peer") }
        : [row.Ours.Describe($"{row.Shape.Name} {row.Type}, ours")]);

    private static Row Measure(InferenceBench bench, ModelShape shape, GgmlType type, string path)
    {
        var row = new Row(shape, type, new FileInfo(path).Length, new ThroughputFigures(PromptTokens), new ThroughputFigures(PromptTokens));
        using var model = InferenceBench.Load(path, bench.Threads);
        row.BytesPerToken = WeightTraffic.BytesPerToken(model);
        var benchmark = new ThroughputBenchmark(model, bench.Engine.Pool, bench.Time, cachePrecision: bench.Engine.CachePrecision);
        bench.Repeat(counts =>
        {
            benchmark.Run(counts ? row.Ours : new ThroughputFigures(PromptTokens));
            if (counts)
            {
                bench.PeerOn(path)?.Run(row.Peer);
            }
        });

        // The process's peak is that of all models together.
        row.Ours.ResidentBytes = 0;
        return row;
    }

    private sealed record Row(ModelShape Shape, GgmlType Type, long FileBytes, ThroughputFigures Ours, ThroughputFigures Peer)
    {
        public long BytesPerToken { get; set; }
    }
}

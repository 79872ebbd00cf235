using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Merging;

namespace Personalize.Inference.Tests.Merging;

/// <summary>A llama of two layers with seeded random weights in a given type and perhaps biases, written as a file and loaded, and an adapter of all its maps.</summary>
internal sealed class TinyMerge : IDisposable
{
    public const int VocabularySize = 61;
    public const int HeadDimension = 16;
    private const int Hidden = 64;
    private const int Intermediate = 96;
    private const int Rank = 3;
    private const float SpreadOfB = 0.05f;
    private readonly string _folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
    private readonly Random _random = new(20240901);

    public TinyMerge(GgmlType type, int contextLength = 64, bool dora = false, bool bias = false)
    {
        Directory.CreateDirectory(_folder);
        BasePath = File("base.gguf");
        Write(type, contextLength, bias);
        Model = Load(BasePath);
        var pairs = new List<LoraPair>();
        for (var layer = 0; layer < Model.Description.LayerCount; layer++)
        {
            foreach (var module in LoraConfiguration.AllTargets)
            {
                var (input, output) = Model.GetShape(module);
                pairs.Add(new LoraPair(layer, module, Rank, Values(Rank * input, 0.2f), Values(output * Rank, SpreadOfB), dora ? [.. Values(output, 0.2f).Select(v => 1 + v)] : null, bias && Model.Description.HasBias(module) ? Values(output, 0.5f) : null));
            }
        }

        Adapter = new LoraAdapter(new LoraConfiguration(Rank, 6, UseRankStabilizedScaling: false, LoraConfiguration.AllTargets) { UseDora = dora, TrainsBiases = bias }, Model.Fingerprint, pairs);
    }

    public string BasePath { get; }

    public DecoderModel Model { get; }

    public LoraAdapter Adapter { get; }

    public WorkerPool Pool { get; } = new(2);

    public static DecoderModel Load(string path)
    {
        using var file = GgufFile.Open(path);
        return DecoderModel.Load(file);
    }

    public string File(string name) => Path.Combine(_folder, name);

    public IEnumerable<string> FilesInFolder() => Directory.EnumerateFiles(_folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    /// <summary>Texts that the adapted model would write, on which the adapter has a gain; or the base, on which it has none.</summary>
    public List<MergeExample> Texts(int count, int seed, bool byAdapted = true)
    {
        var random = new Random(seed);
        using var attached = byAdapted ? new AttachedAdapter(Adapter, Model) : null;
        using var session = new DecoderSession(Model, Pool, new DecoderSessionOptions { ContextLength = 32, Precision = ArithmeticPrecision.Single }, attached);
        var texts = new List<MergeExample>();
        for (var i = 0; i < count; i++)
        {
            session.TruncateTo(0);
            var ids = new List<int> { random.Next(VocabularySize) };
            while (ids.Count < 24)
            {
                session.Decode(ids[^1]);
                ids.Add(Draw(session.Logits, random));
            }

            texts.Add(new MergeExample([.. ids], 1));
        }

        return texts;
    }

    public float[] Logits(DecoderModel model, bool attached, ArithmeticPrecision precision = ArithmeticPrecision.Single)
    {
        using var adapter = attached ? new AttachedAdapter(Adapter, model) : null;
        using var session = new DecoderSession(model, Pool, new DecoderSessionOptions { ContextLength = 32, Precision = precision }, adapter);
        var all = new List<float>();
        session.Feed([3, 1, 4, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38, 46], (_, logits) => all.AddRange(logits), onHiddenState: null, CancellationToken.None);
        return [.. all];
    }

    public void Dispose()
    {
        Pool.Dispose();
        Model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static int Draw(ReadOnlySpan<float> logits, Random random)
    {
        var weights = new double[logits.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = Math.Exp(logits[i]);
        }

        var rest = random.NextDouble() * weights.Sum();
        for (var i = 0; i < weights.Length; i++)
        {
            rest -= weights[i];
            if (rest < 0)
            {
                return i;
            }
        }

        return weights.Length - 1;
    }

    private void Write(GgmlType type, int contextLength, bool bias)
    {
        var writer = new GgufWriter();
        writer.AddString("general.architecture", "llama");
        writer.AddString("general.name", "tiny");
        writer.AddUInt32("llama.block_count", 2);
        writer.AddUInt32("llama.context_length", (uint)contextLength);
        writer.AddUInt32("llama.embedding_length", Hidden);
        writer.AddUInt32("llama.feed_forward_length", Intermediate);
        writer.AddUInt32("llama.attention.head_count", Hidden / HeadDimension);
        writer.AddUInt32("llama.attention.head_count_kv", 2);
        writer.AddSingle("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        Add("token_embd.weight", GgmlType.F32, Hidden, VocabularySize);
        for (var layer = 0; layer < 2; layer++)
        {
            Add($"blk.{layer}.attn_norm.weight", GgmlType.F32, Hidden);
            Add($"blk.{layer}.attn_q.weight", type, Hidden, Hidden);
            Add($"blk.{layer}.attn_k.weight", type, Hidden, 2 * HeadDimension);
            Add($"blk.{layer}.attn_v.weight", type, Hidden, 2 * HeadDimension);
            if (bias)
            {
                Add($"blk.{layer}.attn_q.bias", GgmlType.F32, Hidden);
                Add($"blk.{layer}.attn_k.bias", GgmlType.F32, 2 * HeadDimension);
                Add($"blk.{layer}.attn_v.bias", GgmlType.F32, 2 * HeadDimension);
            }

            Add($"blk.{layer}.attn_output.weight", type, Hidden, Hidden);
            Add($"blk.{layer}.ffn_norm.weight", GgmlType.F32, Hidden);
            Add($"blk.{layer}.ffn_gate.weight", type, Hidden, Intermediate);
            Add($"blk.{layer}.ffn_up.weight", type, Hidden, Intermediate);
            Add($"blk.{layer}.ffn_down.weight", type, Intermediate, Hidden);
        }

        Add("output_norm.weight", GgmlType.F32, Hidden);
        using var file = System.IO.File.Create(BasePath);
        writer.Write(file);

        void Add(string name, GgmlType stored, params long[] dimensions)
        {
            var values = Values((int)dimensions.Aggregate(1L, (product, dimension) => product * dimension), dimensions.Length == 1 ? 0.3f : stored == GgmlType.F32 && name.StartsWith("token", StringComparison.Ordinal) ? 0.1f : 0.12f);
            if (dimensions.Length == 1 && !name.EndsWith(".bias", StringComparison.Ordinal))
            {
                foreach (ref var value in values.AsSpan())
                {
                    value += 1;
                }
            }

            var bytes = new byte[BlockFormat.Of(stored).GetByteLength(values.Length)];
            BlockCodec.Quantize(stored, values, bytes);
            writer.AddTensor(name, stored, dimensions, bytes);
        }
    }

    private float[] Values(int count, float spread)
    {
        var values = new float[count];
        foreach (ref var value in values.AsSpan())
        {
            value = spread * ((2 * _random.NextSingle()) - 1);
        }

        return values;
    }
}

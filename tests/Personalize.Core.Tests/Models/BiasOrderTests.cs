using System.Runtime.InteropServices;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Models;

/// <summary>Biases stand in memory in the order of the rows they belong to, whatever order the file's family has.</summary>
public sealed class BiasOrderTests : IDisposable
{
    private const int HeadDimension = 4;
    private const int Hidden = 8;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", new float[] { 0, 2, 1, 3, 4, 6, 5, 7 }, new float[] { 0, 2, 1, 3 })]
    [InlineData("qwen2", new float[] { 0, 1, 2, 3, 4, 5, 6, 7 }, new float[] { 0, 1, 2, 3 })]
    public unsafe void Biases_of_queries_and_keys_follow_their_rows(string architecture, float[] query, float[] key)
    {
        Write(architecture);
        using var file = GgufFile.Open(_folder["model.gguf"]);
        using var model = DecoderModel.Load(file);
        var layer = model.Weights.Layers[0];
        Assert.Equal(query, Values(layer.QueryBias!));
        Assert.Equal(key, Values(layer.KeyBias!));
        Assert.Equal([0, 1, 2, 3], Values(layer.ValueBias!));

        // Each row of the weights holds the row's number in the file, as the bias does.
        var row = new float[Hidden];
        for (var n = 0; n < query.Length; n++)
        {
            layer.Query.ReadRow(n, row);
            Assert.Equal(query[n], row[0]);
        }

        static float[] Values(WeightVector vector) => new ReadOnlySpan<float>(vector.Pointer, vector.Length).ToArray();
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public void A_model_that_is_written_has_the_biases_of_the_file_it_came_from(string architecture)
    {
        Write(architecture);
        using var file = GgufFile.Open(_folder["model.gguf"]);
        using var model = DecoderModel.Load(file);
        var tokenizer = new TokenizerDefinition { Model = "gpt2", PreTokenizer = "gpt-2", Tokens = ["a", "b", "c", "d", "e"], Merges = [], TokenTypes = Enumerable.Repeat(TokenType.Normal, 5).ToArray() };
        using (var stream = File.Create(_folder["written.gguf"]))
        {
            DecoderModelWriter.Prepare(model.Description, model.Weights, tokenizer, "", GgmlType.F32, GgmlType.F32, new Dictionary<string, string>()).Write(stream);
        }

        using var written = GgufFile.Open(_folder["written.gguf"]);
        foreach (var tensor in file.Tensors.Where(tensor => tensor.Name.EndsWith(".bias", StringComparison.Ordinal)))
        {
            Assert.Equal(file.ReadSingles(tensor), written.ReadSingles(written.GetTensor(tensor.Name)));
        }
    }

    private void Write(string architecture)
    {
        var writer = new GgufWriter();
        writer.AddString("general.architecture", architecture);
        writer.AddUInt32(architecture + ".block_count", 1);
        writer.AddUInt32(architecture + ".context_length", 16);
        writer.AddUInt32(architecture + ".embedding_length", Hidden);
        writer.AddUInt32(architecture + ".feed_forward_length", Hidden);
        writer.AddUInt32(architecture + ".attention.head_count", Hidden / HeadDimension);
        writer.AddUInt32(architecture + ".attention.head_count_kv", 1);
        writer.AddSingle(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
        Add("token_embd.weight", Hidden, 5);
        foreach (var name in new[] { "attn_norm", "ffn_norm" })
        {
            Add($"blk.0.{name}.weight", Hidden);
        }

        foreach (var (name, rows) in new[] { ("attn_q", Hidden), ("attn_k", HeadDimension), ("attn_v", HeadDimension), ("attn_output", Hidden), ("ffn_gate", Hidden), ("ffn_up", Hidden), ("ffn_down", Hidden) })
        {
            Add($"blk.0.{name}.weight", Hidden, rows);
            if (name is "attn_q" or "attn_k" or "attn_v")
            {
                Add($"blk.0.{name}.bias", rows);
            }
        }

        Add("output_norm.weight", Hidden);
        using var file = File.Create(_folder["model.gguf"]);
        writer.Write(file);

        void Add(string name, params long[] dimensions)
        {
            var values = new float[dimensions.Aggregate(1L, (product, dimension) => product * dimension)];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = dimensions.Length == 1 ? i : i / Hidden;
            }

            writer.AddTensor(name, GgmlType.F32, dimensions, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }
    }
}

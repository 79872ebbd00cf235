using System.Globalization;
using System.Runtime.InteropServices;
using Personalize.Cli.Models;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;
using Personalize.Core.Tokenization;

namespace Personalize.Cli.Benchmarks;

/// <summary>Writes a model file of a given shape with seeded random weights: the linear maps in a given type, the embedding as Q8_0, and a vocabulary of the 256 bytes, an end mark and holes. Piece by piece, so that memory does not grow with the model.</summary>
internal static class SyntheticModelFile
{
    private const int ByteTokens = 256;
    private const float BiasSpread = 0.1f;

    public static void Write(string path, ModelShape shape, GgmlType type, long seed)
    {
        var writer = new GgufWriter();
        WriteMetadata(writer, shape);
        var tensor = 0;
        AddMatrix("token_embd.weight", GgmlType.Q8_0, shape.Vocabulary, shape.Hidden);
        AddVector("output_norm.weight", shape.Hidden, centre: 1);
        var (query, keyValue) = (shape.Heads * shape.HeadDimension, shape.KeyValueHeads * shape.HeadDimension);
        for (var layer = 0; layer < shape.Layers; layer++)
        {
            var block = string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.");
            AddVector(block + "attn_norm.weight", shape.Hidden, centre: 1);
            foreach (var (name, rows) in new[] { ("attn_q", query), ("attn_k", keyValue), ("attn_v", keyValue) })
            {
                AddMatrix($"{block}{name}.weight", type, rows, shape.Hidden);
                if (shape.HasAttentionBias)
                {
                    AddVector($"{block}{name}.bias", rows, centre: 0);
                }
            }

            AddMatrix(block + "attn_output.weight", type, shape.Hidden, query);
            AddVector(block + "ffn_norm.weight", shape.Hidden, centre: 1);
            AddMatrix(block + "ffn_gate.weight", type, shape.Intermediate, shape.Hidden);
            AddMatrix(block + "ffn_up.weight", type, shape.Intermediate, shape.Hidden);
            AddMatrix(block + "ffn_down.weight", type, shape.Hidden, shape.Intermediate);
        }

        OutputFile.Write(path, writer.Write);

        ulong NextSeed() => new Noise((ulong)seed + (ulong)++tensor).Next();

        void AddMatrix(string name, GgmlType stored, int rows, int columns)
        {
            var own = NextSeed();
            writer.AddTensor(name, stored, [columns, rows], stream => BlockNoise.Write(stream, stored, rows, columns, own));
        }

        void AddVector(string name, int length, float centre)
        {
            var noise = new Noise(NextSeed());
            var values = new float[length];
            foreach (ref var value in values.AsSpan())
            {
                value = centre + (BiasSpread * noise.NextSigned());
            }

            writer.AddTensor(name, GgmlType.F32, [length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }
    }

    private static void WriteMetadata(GgufWriter writer, ModelShape shape)
    {
        var prefix = shape.Architecture + ".";
        writer.AddString("general.architecture", shape.Architecture);
        writer.AddString("general.name", shape.Name + " with random weights");
        writer.AddUInt32(prefix + "block_count", (uint)shape.Layers);
        writer.AddUInt32(prefix + "context_length", (uint)shape.ContextLength);
        writer.AddUInt32(prefix + "embedding_length", (uint)shape.Hidden);
        writer.AddUInt32(prefix + "feed_forward_length", (uint)shape.Intermediate);
        writer.AddUInt32(prefix + "attention.head_count", (uint)shape.Heads);
        writer.AddUInt32(prefix + "attention.head_count_kv", (uint)shape.KeyValueHeads);
        writer.AddUInt32(prefix + "attention.key_length", (uint)shape.HeadDimension);
        writer.AddUInt32(prefix + "attention.value_length", (uint)shape.HeadDimension);
        writer.AddUInt32(prefix + "rope.dimension_count", (uint)shape.HeadDimension);
        writer.AddSingle(prefix + "rope.freq_base", shape.RotaryBase);
        writer.AddSingle(prefix + "attention.layer_norm_rms_epsilon", shape.NormEpsilon);
        writer.AddUInt32(prefix + "vocab_size", (uint)shape.Vocabulary);
        writer.AddString("tokenizer.ggml.model", "gpt2");
        writer.AddString("tokenizer.ggml.pre", shape.PreTokenizer);
        var holes = Enumerable.Range(ByteTokens + 1, shape.Vocabulary - ByteTokens - 1);
        writer.AddStrings("tokenizer.ggml.tokens", [.. Enumerable.Range(0, ByteTokens).Select(Symbol), "<|end|>", .. holes.Select(id => string.Create(CultureInfo.InvariantCulture, $"<|unused_{id}|>"))]);
        writer.AddArray<int>("tokenizer.ggml.token_type", [.. Enumerable.Repeat((int)TokenType.Normal, ByteTokens), (int)TokenType.Control, .. holes.Select(_ => (int)TokenType.Unused)]);
        writer.AddStrings("tokenizer.ggml.merges", []);
        writer.AddUInt32("tokenizer.ggml.bos_token_id", ByteTokens);
        writer.AddUInt32("tokenizer.ggml.eos_token_id", ByteTokens);
    }

    // GPT-2's alphabet: visible Latin-1 bytes stand for themselves, the others for the characters from U+0100 on.
    private static string Symbol(int value)
    {
        static bool IsVisible(int candidate) => candidate is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return ((char)(IsVisible(value) ? value : ByteTokens + Enumerable.Range(0, value).Count(other => !IsVisible(other)))).ToString();
    }
}

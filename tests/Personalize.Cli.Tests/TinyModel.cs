using System.Runtime.InteropServices;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;

namespace Personalize.Cli.Tests;

/// <summary>Writes a model of two layers with seeded random weights, a vocabulary of the 256 bytes and two special tokens, and a chat template: everything a command needs, in 150 KB.</summary>
internal static class TinyModel
{
    public const int VocabularySize = 258;
    public const int TurnStart = 256;
    public const int TurnEnd = 257;
    public const int ContextLength = 256;
    public const int TensorCount = 2 + (2 * 9);

    private const int Hidden = 32;
    private const int Intermediate = 64;
    private const int KeyValue = 16;

    private const string Template =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    /// <summary>Writes the model.</summary>
    /// <param name="folder">Receives the file.</param>
    /// <param name="seed">Another seed gives another model.</param>
    /// <returns>Its path.</returns>
    public static string Write(TemporaryFolder folder, int seed = 1)
    {
        var random = new Random(seed);
        var writer = new GgufWriter();
        writer.AddString("general.architecture", "llama");
        writer.AddString("general.name", "tiny");
        writer.AddUInt32("llama.block_count", 2);
        writer.AddUInt32("llama.context_length", ContextLength);
        writer.AddUInt32("llama.embedding_length", Hidden);
        writer.AddUInt32("llama.feed_forward_length", Intermediate);
        writer.AddUInt32("llama.attention.head_count", 2);
        writer.AddUInt32("llama.attention.head_count_kv", 1);
        writer.AddSingle("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        writer.AddString("tokenizer.ggml.model", "gpt2");
        writer.AddString("tokenizer.ggml.pre", "smollm");
        writer.AddStrings("tokenizer.ggml.tokens", [.. Enumerable.Range(0, 256).Select(Symbol), "<|im_start|>", "<|im_end|>"]);
        writer.AddStrings("tokenizer.ggml.merges", []);
        writer.AddArray<int>("tokenizer.ggml.token_type", [.. Enumerable.Repeat(1, 256), 3, 3]);
        writer.AddUInt32("tokenizer.ggml.eos_token_id", TurnEnd);
        writer.AddString("tokenizer.chat_template", Template);
        Add("token_embd.weight", Hidden, VocabularySize);
        for (var layer = 0; layer < 2; layer++)
        {
            Add($"blk.{layer}.attn_norm.weight", Hidden);
            Add($"blk.{layer}.attn_q.weight", Hidden, Hidden);
            Add($"blk.{layer}.attn_k.weight", Hidden, KeyValue);
            Add($"blk.{layer}.attn_v.weight", Hidden, KeyValue);
            Add($"blk.{layer}.attn_output.weight", Hidden, Hidden);
            Add($"blk.{layer}.ffn_norm.weight", Hidden);
            Add($"blk.{layer}.ffn_gate.weight", Hidden, Intermediate);
            Add($"blk.{layer}.ffn_up.weight", Hidden, Intermediate);
            Add($"blk.{layer}.ffn_down.weight", Intermediate, Hidden);
        }

        Add("output_norm.weight", Hidden);
        var path = folder[$"tiny-{seed}.gguf"];
        using var file = File.Create(path);
        writer.Write(file);
        return path;

        void Add(string name, params long[] dimensions)
        {
            var count = dimensions.Aggregate(1L, (product, dimension) => product * dimension);
            var values = new float[count];
            foreach (ref var value in values.AsSpan())
            {
                // Gains of norms lie around 1; the rest is small enough to stay in range.
                value = ((random.NextSingle() - 0.5f) * 0.5f) + (dimensions.Length == 1 ? 1 : 0);
            }

            writer.AddTensor(name, GgmlType.F32, dimensions, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }
    }

    // GPT-2's alphabet: printable Latin-1 bytes stand for themselves, the others for the characters from U+0100 on.
    private static string Symbol(int value)
    {
        static bool IsPrintable(int candidate) => candidate is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return ((char)(IsPrintable(value) ? value : 0x100 + Enumerable.Range(0, value).Count(other => !IsPrintable(other)))).ToString();
    }
}

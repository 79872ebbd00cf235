using System.Runtime.InteropServices;
using System.Text;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Tests.Chat;

/// <summary>A model of two layers with seeded random weights, the 256 bytes, some pieces of JSON and English, and the marks of turns. What it says is noise, which makes it a strict examiner of everything around it.</summary>
public sealed class TinyChatModel : IDisposable
{
    internal const int ContextLength = 4096;

    private const int Hidden = 32;
    private const int Intermediate = 64;
    private const int KeyValue = 16;
    private const int HeadDimension = 16;

    private const string Template =
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    // Each becomes tokens from its left to its right.
    private static readonly string[] Words = ["{\"", "\":", "\",", "\":\"", "\"}", "]}", "[[", "}}", "},", "true", "false", "null", "name", "items", "the", "and", "12", "1.5", "-1", "e+", "\\u00", "\\n", "ab", "\u010A\u0120\u0120", "\u0120\u0120\u0120\u0120", "Ã©"];

    private readonly string _folder = Directory.CreateTempSubdirectory("personalize-chat-").FullName;

    public TinyChatModel()
    {
        Path = System.IO.Path.Combine(_folder, "tiny.gguf");
        Write();
        using var file = GgufFile.Open(Path);
        Format = ChatFormat.Load(file.Metadata, TimeProvider.System);
        Model = DecoderModel.Load(file, threads: 1);
    }

    internal string Path { get; }

    internal ChatFormat Format { get; }

    internal DecoderModel Model { get; }

    internal WorkerPool Pool { get; } = new(2);

    internal DecoderSession CreateSession(int contextLength = ContextLength) => new(Model, Pool, new DecoderSessionOptions { ContextLength = contextLength, ChunkSize = 16 });

    internal static ITokenizer CreateTokenizer()
    {
        var (tokens, merges) = Vocabulary();
        return new BytePairTokenizer(new TokenizerDefinition
        {
            Model = "gpt2",
            PreTokenizer = "smollm",
            Tokens = tokens,
            Merges = merges,
            TokenTypes = [.. tokens.Select(token => token.StartsWith("<|", StringComparison.Ordinal) ? TokenType.Control : TokenType.Normal)],
            EndOfText = tokens.Length - 1,
        });
    }

    public void Dispose()
    {
        Pool.Dispose();
        Model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static (string[] Tokens, string[] Merges) Vocabulary()
    {
        var tokens = Enumerable.Range(0, 256).Select(Symbol).ToList();
        var merges = new List<string>();
        foreach (var word in Words)
        {
            for (var length = 2; length <= word.Length; length++)
            {
                if (!tokens.Contains(word[..length]))
                {
                    tokens.Add(word[..length]);
                    merges.Add($"{word[..(length - 1)]} {word[length - 1]}");
                }
            }
        }

        return ([.. tokens, "<|im_start|>", "<|im_end|>"], [.. merges]);
    }

    // GPT-2's alphabet: printable Latin-1 bytes stand for themselves, the others for the characters from U+0100 on.
    private static string Symbol(int value)
    {
        static bool IsPrintable(int candidate) => candidate is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return ((char)(IsPrintable(value) ? value : 0x100 + Enumerable.Range(0, value).Count(other => !IsPrintable(other)))).ToString();
    }

    private void Write()
    {
        var random = new Random(7);
        var (tokens, merges) = Vocabulary();
        var writer = new GgufWriter();
        writer.AddString("general.architecture", "llama");
        writer.AddUInt32("llama.block_count", 2);
        writer.AddUInt32("llama.context_length", ContextLength);
        writer.AddUInt32("llama.embedding_length", Hidden);
        writer.AddUInt32("llama.feed_forward_length", Intermediate);
        writer.AddUInt32("llama.attention.head_count", Hidden / HeadDimension);
        writer.AddUInt32("llama.attention.head_count_kv", KeyValue / HeadDimension);
        writer.AddSingle("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        writer.AddString("tokenizer.ggml.model", "gpt2");
        writer.AddString("tokenizer.ggml.pre", "smollm");
        writer.AddStrings("tokenizer.ggml.tokens", tokens);
        writer.AddStrings("tokenizer.ggml.merges", merges);
        writer.AddArray<int>("tokenizer.ggml.token_type", [.. tokens.Select(token => token.StartsWith("<|", StringComparison.Ordinal) ? 3 : 1)]);
        writer.AddUInt32("tokenizer.ggml.eos_token_id", (uint)tokens.Length - 1);
        writer.AddString("tokenizer.chat_template", Template);
        Add("token_embd.weight", Hidden, tokens.Length);
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
        using var file = File.Create(Path);
        writer.Write(file);

        void Add(string name, params long[] dimensions)
        {
            var values = new float[dimensions.Aggregate(1L, (product, dimension) => product * dimension)];
            foreach (ref var value in values.AsSpan())
            {
                // Gains of norms lie around 1; the rest is small enough to stay in range.
                value = ((random.NextSingle() - 0.5f) * 0.5f) + (dimensions.Length == 1 ? 1 : 0);
            }

            writer.AddTensor(name, GgmlType.F32, dimensions, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }
    }
}

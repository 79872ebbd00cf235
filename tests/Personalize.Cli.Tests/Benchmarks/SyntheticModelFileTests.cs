using Personalize.Cli.Benchmarks;
using Personalize.Cli.Models;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Core.Tokenization;
using Personalize.Inference.Decoding;

namespace Personalize.Cli.Tests.Benchmarks;

public sealed class SyntheticModelFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("llama", GgmlType.Q4_0)]
    [InlineData("llama", GgmlType.Q4_1)]
    [InlineData("qwen2", GgmlType.Q4_0)]
    [InlineData("qwen2", GgmlType.Q4_1)]
    public void A_written_model_loads_and_computes(string family, GgmlType type)
    {
        var shape = Tiny(family);
        var path = _folder["model.gguf"];
        SyntheticModelFile.Write(path, shape, type, seed: 3);
        using var file = GgufFile.Open(path);
        var tokenizer = GgufTokenizer.Load(file.Metadata);
        Assert.Equal(shape.Vocabulary, tokenizer.VocabularySize);
        Assert.Equal("a b\n", tokenizer.Decode(tokenizer.Encode("a b\n", parseSpecialTokens: false), includeSpecialTokens: false));
        Assert.Equal(GgmlType.Q8_0, file.GetTensor("token_embd.weight").Type);
        Assert.Equal(type, file.GetTensor("blk.1.ffn_down.weight").Type);
        using var model = DecoderModel.Load(file);
        Assert.Equal((shape.Hidden, shape.KeyValueHeads, shape.HasAttentionBias), (model.Description.HiddenSize, model.Description.KeyValueHeadCount, model.Description.HasAttentionBias));
        using var pool = new WorkerPool(1);
        using var session = new DecoderSession(model, pool, new DecoderSessionOptions { ContextLength = 16 });
        session.Prefill([1, 2, 3, 4, 5], CancellationToken.None);
        var logits = session.Logits.ToArray();
        Assert.All(logits, logit => Assert.True(float.IsFinite(logit)));
        Assert.True(logits.Max() - logits.Min() is > 0.1f and < 1000);
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_does_not()
    {
        var (first, again, other) = (_folder["first.gguf"], _folder["again.gguf"], _folder["other.gguf"]);
        SyntheticModelFile.Write(first, Tiny("llama"), GgmlType.Q4_1, seed: 1);
        SyntheticModelFile.Write(again, Tiny("llama"), GgmlType.Q4_1, seed: 1);
        SyntheticModelFile.Write(other, Tiny("llama"), GgmlType.Q4_1, seed: 2);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(again));
        Assert.NotEqual(File.ReadAllBytes(first), File.ReadAllBytes(other));
    }

    [Fact]
    public void A_requantized_model_has_its_maps_in_the_other_type_and_all_else_as_it_was()
    {
        var (source, target) = (_folder["source.gguf"], _folder["target.gguf"]);
        SyntheticModelFile.Write(source, Tiny("llama"), GgmlType.Q4_1, seed: 1);
        RequantizedModelFile.Write(source, target, GgmlType.Q4_0);
        using var original = GgufFile.Open(source);
        using var written = GgufFile.Open(target);
        Assert.Equal(original.Metadata.Keys, written.Metadata.Keys);
        foreach (var tensor in original.Tensors)
        {
            var other = written.GetTensor(tensor.Name);
            if (tensor.Type != GgmlType.Q4_1)
            {
                Assert.True(original.GetData(tensor).SequenceEqual(written.GetData(other)), tensor.Name);
                continue;
            }

            Assert.Equal(GgmlType.Q4_0, other.Type);
            var (expected, actual) = (original.ReadSingles(tensor), written.ReadSingles(other));

            // Half a step of the block with the largest value at all, the scale's rounding to half included.
            var tolerance = expected.Max(MathF.Abs) / 8 * 0.51f;
            Assert.All(expected.Zip(actual), pair => Assert.True(Math.Abs(pair.First - pair.Second) <= 2 * tolerance));
        }
    }

    internal static ModelShape Tiny(string family) => new()
    {
        Name = "tiny",
        Architecture = family,
        PreTokenizer = family == "llama" ? "llama-bpe" : "qwen2",
        Layers = 2,
        Hidden = 64,
        Intermediate = 96,
        Heads = 4,
        KeyValueHeads = 2,
        HeadDimension = 16,
        Vocabulary = 300,
        ContextLength = 128,
        RotaryBase = 10_000,
        NormEpsilon = 1e-5f,
        HasAttentionBias = family == "qwen2",
    };
}

using System.Globalization;
using System.Runtime.InteropServices;
using Personalize.Core.Errors;
using Personalize.Core.Formats;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Formats.Gguf;

public sealed class GgufFileTests
{
    // Computed once by an independent script (hashlib over the described bytes).
    private const string ModelFingerprint = "507e3606e6da09f6e65d2c0172bce3bf277442f17b317560a7ad1a01acf05fa1";

    [SharedFact(SharedFiles.Model)]
    public void The_real_model_opens_with_its_metadata_and_tensors()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));

        Assert.Equal(272, file.Tensors.Count);
        Assert.Equal(33, file.Metadata.Count);
        Assert.Equal("llama", file.Metadata.GetString("general.architecture"));
        Assert.Equal(576u, file.Metadata.GetUInt32("llama.embedding_length"));
        Assert.Equal(49_152, file.Metadata.GetStrings("tokenizer.ggml.tokens").Length);
        Assert.Equal(48_900, file.Metadata.GetStrings("tokenizer.ggml.merges").Length);
        Assert.Equal(49_152, file.Metadata.GetInt32s("tokenizer.ggml.token_type").Length);
        var embedding = file.GetTensor("token_embd.weight");
        Assert.Equal([576L, 49_152L], embedding.Dimensions);
        Assert.Equal(BlockFormat.Of(embedding.Type).GetByteLength(embedding.ElementCount), embedding.ByteLength);
        Assert.Equal(file.ByteLength, file.Tensors[^1].Offset + file.Tensors[^1].ByteLength);
    }

    [SharedFact(SharedFiles.Model)]
    public void The_fingerprint_of_the_real_model_is_stable()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));

        Assert.Equal(ModelFingerprint, file.Fingerprint);
    }

    [SharedFact(SharedFiles.Model)]
    public void Opening_the_real_model_allocates_little_more_than_its_metadata()
    {
        const long HeaderBytes = 1_785_664;
        const long Allowance = 1 << 20;
        var path = SharedFiles.Resolve(SharedFiles.Model);
        var before = GC.GetAllocatedBytesForCurrentThread();

        GgufFile.Open(path).Dispose();

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, HeaderBytes, HeaderBytes + Allowance);
    }

    [SharedTheory("oracles/families")]
    [InlineData("gemma3")]
    [InlineData("llama3.2")]
    [InlineData("mistral")]
    [InlineData("mixtral")]
    [InlineData("phi4-mini")]
    [InlineData("qwen2.5")]
    [InlineData("qwen3")]
    [InlineData("qwen3moe")]
    [InlineData("smollm3")]
    public void Every_family_opens_and_reads(string family)
    {
        using var file = GgufFile.Open(SharedFiles.Resolve($"oracles/families/{family}/model-f16.gguf"));

        Assert.NotEmpty(file.Tensors);
        Assert.All(file.Tensors, tensor => Assert.All(file.ReadSingles(tensor), value => Assert.True(float.IsFinite(value))));
    }

    [SharedTheory("oracles/vocabularies")]
    [InlineData("llama-bpe")]
    [InlineData("llama-spm")]
    [InlineData("phi-3")]
    [InlineData("qwen2")]
    public void Every_vocabulary_opens(string name)
    {
        using var file = GgufFile.Open(SharedFiles.Resolve($"oracles/vocabularies/ggml-vocab-{name}.gguf"));

        Assert.Empty(file.Tensors);
        Assert.NotEmpty(file.Metadata.GetStrings("tokenizer.ggml.tokens"));
    }

    [SharedFact(SharedFiles.Model)]
    public void The_real_model_is_finite()
    {
        using var file = GgufFile.Open(SharedFiles.Resolve(SharedFiles.Model));

        Assert.All(file.Tensors, file.RequireFinite);
    }

    [Fact]
    public void A_scale_that_is_not_finite_is_refused_with_its_block()
    {
        using var folder = new TemporaryFolder();
        var data = new byte[3 * 20];
        (data[20 + 2], data[20 + 3]) = (0x00, 0xFC);
        var writer = new GgufWriter();
        writer.AddTensor("t", GgmlType.Q4_1, [96], data);
        AtomicFile.Write(folder.PathOf("t.gguf"), writer.Write);
        using var file = GgufFile.Open(folder.PathOf("t.gguf"));
        var tensor = file.GetTensor("t");

        var error = Assert.Throws<ModelFormatException>(() => file.RequireFinite(tensor));

        Assert.Equal((ModelFormatError.NonFiniteValue, "t", tensor.Offset + 20), (error.Code, error.Tensor, error.Offset));
    }

    [Fact]
    public void Memory_of_a_tensor_that_was_read_can_be_given_back()
    {
        using var folder = new TemporaryFolder();
        var values = Enumerable.Range(0, 1 << 18).Select(i => (float)i).ToArray();
        var writer = new GgufWriter();
        writer.AddTensor("t", GgmlType.F32, [values.Length], MemoryMarshal.AsBytes<float>(values).ToArray());
        AtomicFile.Write(folder.PathOf("t.gguf"), writer.Write);
        using var file = GgufFile.Open(folder.PathOf("t.gguf"));
        var tensor = file.GetTensor("t");

        Assert.Equal(values, file.ReadSingles(tensor));
        var before = ResidentKilobytes(file.Path);
        file.GiveBack(tensor);
        var after = ResidentKilobytes(file.Path);

        Assert.Equal(values, file.ReadSingles(tensor));
        if (OperatingSystem.IsLinux())
        {
            Assert.InRange(before, values.Length * sizeof(float) / 1024, int.MaxValue);
            Assert.InRange(after, 0, 64);
        }
    }

    [Fact]
    public void Tensors_are_described_and_read()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));

        Assert.Equal(64, file.Alignment);
        Assert.Equal(["matrix", "quantized", "described", "scalar"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([3L, 2L], file.GetTensor("matrix").Dimensions);
        Assert.Equal([1f, 2, 3, 4, 5, 6], file.ReadSingles(file.GetTensor("matrix")));
        Assert.Equal([7f], file.ReadSingles(file.GetTensor("scalar")));

        // Byte j holds j: low nibbles count 0-15, high nibbles are 0; d = 0.5, m = -2.
        Assert.Equal(Enumerable.Range(0, 32).Select(j => j < 16 ? (0.5f * j) - 2 : -2), file.ReadSingles(file.GetTensor("quantized")));
        Assert.All(file.Tensors, tensor => Assert.Equal(0, tensor.Offset % file.Alignment));
    }

    [Fact]
    public void A_type_that_is_only_described_is_refused_when_read()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));
        var tensor = file.GetTensor("described");

        var error = Assert.Throws<ModelFormatException>(() => file.ReadSingles(tensor));

        Assert.Equal(GgmlType.Q4_K, tensor.Type);
        Assert.Equal(144, tensor.ByteLength);
        Assert.Equal(ModelFormatError.UnsupportedTensorType, error.Code);
        Assert.Equal("described", error.Tensor);
        Assert.Contains("Q4_K", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_is_missing_is_named()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));

        var error = Assert.Throws<ModelFormatException>(() => file.GetTensor("output.weight"));

        Assert.Equal(ModelFormatError.MissingTensor, error.Code);
        Assert.Equal("output.weight", error.Tensor);
        Assert.False(file.TryGetTensor("output.weight", out _));
    }

    [Fact]
    public void A_tensor_of_another_file_is_a_misuse()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));
        using var other = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));

        Assert.Throws<ArgumentException>(() => file.ReadSingles(other.Tensors[0]));
    }

    [Fact]
    public void Metadata_outlives_the_file_and_data_does_not()
    {
        var file = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));
        file.Dispose();
        file.Dispose();

        Assert.Equal("grüße 🦙", file.Metadata.GetString("scalar.string"));
        Assert.Throws<ObjectDisposedException>(() => file.ReadSingles(file.Tensors[0]));
        Assert.Throws<ObjectDisposedException>(() => file.Fingerprint);
    }

    /// <summary>How much of a mapped file lies in this process's memory; 0 where the system does not say.</summary>
    private static int ResidentKilobytes(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        var ofFile = File.ReadLines("/proc/self/smaps").SkipWhile(line => !line.EndsWith(path, StringComparison.Ordinal));
        var resident = ofFile.First(line => line.StartsWith("Rss:", StringComparison.Ordinal));
        return int.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}

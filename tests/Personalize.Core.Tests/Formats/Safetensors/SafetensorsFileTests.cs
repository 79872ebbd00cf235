using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Formats;
using Personalize.Core.Formats.Safetensors;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Formats.Safetensors;

public sealed class SafetensorsFileTests
{
    [Fact]
    public void A_file_of_another_writer_is_read()
    {
        using var file = SafetensorsFile.Open(SharedFiles.Fixture("quantization/blocks.safetensors"));

        Assert.Equal(12, file.Tensors.Count);
        Assert.Equal([2L, 512L], file.GetTensor("quantize.input").Shape);
        Assert.Equal(SafetensorsType.U8, file.GetTensor("Q4_0.bytes").Type);

        // The matrix that was quantized starts with a block of zeros and has an outlier.
        var values = file.ReadSingles("quantize.input");
        Assert.All(values[..32], value => Assert.Equal(0, value));
        Assert.Equal(3, values[512 + 5]);
    }

    [SharedTheory("oracles/lora")]
    [InlineData("oracles/lora/peft-adapter/adapter_model.safetensors", "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight")]
    [InlineData("oracles/families/qwen3/model.safetensors", "model.embed_tokens.weight")]
    [InlineData("oracles/smollm2/logits.safetensors", null)]
    public void Files_of_peft_and_transformers_open(string path, string? tensor)
    {
        using var file = SafetensorsFile.Open(SharedFiles.Resolve(path));

        Assert.NotEmpty(file.Tensors);
        Assert.True(tensor is null || file.ReadSingles(tensor).Any(value => value != 0));
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        float[] values = [1.5f, -2, 0.1f, 65_504, float.Epsilon, -0f];
        using var folder = new TemporaryFolder();
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt");
        writer.AddMetadata("grüße", "\"🦙\"");
        writer.AddTensor("z.exact", SafetensorsType.F32, [2, 3], values);
        writer.AddTensor("a.half", SafetensorsType.F16, [6], values);
        writer.AddTensor("m.brain", SafetensorsType.BF16, [3, 2, 1], values);
        writer.AddTensor("scalar", SafetensorsType.F32, [], new[] { 7f });
        writer.AddTensor("empty", SafetensorsType.F32, [0, 5], Array.Empty<float>());
        AtomicFile.Write(folder.PathOf("t.safetensors"), writer.Write);

        using var file = SafetensorsFile.Open(folder.PathOf("t.safetensors"));

        Assert.Equal(["z.exact", "a.half", "m.brain", "scalar", "empty"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("\"🦙\"", file.Metadata["grüße"]);
        Assert.Equal(values, file.ReadSingles("z.exact"));
        Assert.Equal(values.Select(value => (float)(Half)value), file.ReadSingles("a.half"));
        Assert.Equal([1.5f, -2, 0.10009765625f, 65_536, 0, -0f], file.ReadSingles("m.brain"));
        Assert.Equal([7f], file.ReadSingles("scalar"));
        Assert.Empty(file.ReadSingles("empty"));
        Assert.Equal([3L, 2L, 1L], file.GetTensor("m.brain").Shape);
    }

    [Fact]
    public void The_header_is_padded_with_spaces_and_the_data_lies_in_the_order_of_adding()
    {
        var writer = new SafetensorsWriter();
        writer.AddTensor("b", SafetensorsType.F32, [1], new[] { 1f });
        writer.AddTensor("a", SafetensorsType.F16, [1], new[] { 2f });
        using var stream = new MemoryStream();

        writer.Write(stream);

        var bytes = stream.ToArray();
        const string Header = """{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F16","shape":[1],"data_offsets":[4,6]}}""";
        var padded = Header.PadRight((Header.Length + 7) / 8 * 8);
        Assert.Equal(padded, Encoding.UTF8.GetString(bytes, 8, padded.Length));
        Assert.Equal((ulong)padded.Length, BitConverter.ToUInt64(bytes));
        Assert.Equal([0, 0, 0x80, 0x3F, 0, 0x40], bytes[(8 + padded.Length)..]);
    }

    [Fact]
    public void Data_longer_than_one_piece_is_whole()
    {
        var values = Enumerable.Range(0, 50_000).Select(i => (float)i).ToArray();
        using var folder = new TemporaryFolder();
        var writer = new SafetensorsWriter();
        writer.AddTensor("t", SafetensorsType.F32, [values.Length], values);
        AtomicFile.Write(folder.PathOf("t.safetensors"), writer.Write);

        using var file = SafetensorsFile.Open(folder.PathOf("t.safetensors"));

        Assert.Equal(values, file.ReadSingles("t"));
    }

    [Fact]
    public void Tensors_of_no_floats_give_bytes_and_refuse_values()
    {
        using var file = SafetensorsFile.Open(SharedFiles.Fixture("quantization/blocks.safetensors"));

        Assert.Equal(2 * 16 * 18, file.GetData(file.GetTensor("Q4_0.bytes")).Length);
        var error = Assert.Throws<ModelFormatException>(() => file.ReadSingles("Q4_0.bytes"));
        Assert.Equal((ModelFormatError.UnsupportedTensorType, "Q4_0.bytes"), (error.Code, error.Tensor));
        Assert.Equal(ModelFormatError.MissingTensor, Assert.Throws<ModelFormatException>(() => file.ReadSingles("none")).Code);
    }

    [Fact]
    public void Misuse_is_refused()
    {
        var writer = new SafetensorsWriter();
        writer.AddTensor("t", SafetensorsType.F32, [1], new float[1]);
        writer.AddMetadata("a", "b");

        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", SafetensorsType.F32, [1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("__metadata__", SafetensorsType.F32, [1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", SafetensorsType.F32, [2], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", SafetensorsType.I32, [1], new float[1]));
        Assert.Throws<ArgumentException>(() => writer.AddMetadata("a", "c"));
    }

    [Fact]
    public void Data_does_not_outlive_the_file()
    {
        var file = SafetensorsFile.Open(SharedFiles.Fixture("quantization/blocks.safetensors"));
        file.Dispose();

        Assert.Throws<ObjectDisposedException>(() => file.ReadSingles("quantize.input"));
    }
}

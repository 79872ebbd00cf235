using Personalize.Core.Formats;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Formats.Gguf;

public sealed class GgufWriterTests
{
    [Fact]
    public void What_the_specification_gives_byte_by_byte_is_what_is_written()
    {
        var writer = new GgufWriter(alignment: 64);
        writer.AddString("scalar.string", "grüße 🦙");
        writer.AddString("scalar.empty", "");
        writer.AddUInt8("scalar.u8", byte.MaxValue);
        writer.AddInt8("scalar.i8", sbyte.MinValue);
        writer.AddUInt16("scalar.u16", ushort.MaxValue);
        writer.AddInt16("scalar.i16", short.MinValue);
        writer.AddUInt32("scalar.u32", uint.MaxValue);
        writer.AddInt32("scalar.i32", int.MinValue);
        writer.AddSingle("scalar.f32", 0.1f);
        writer.AddBoolean("scalar.bool", true);
        writer.AddUInt64("scalar.u64", ulong.MaxValue);
        writer.AddInt64("scalar.i64", long.MinValue);
        writer.AddDouble("scalar.f64", 0.1);
        writer.AddArray<byte>("array.u8", [byte.MaxValue, 1]);
        writer.AddArray<sbyte>("array.i8", [sbyte.MinValue, 1]);
        writer.AddArray<ushort>("array.u16", [ushort.MaxValue, 1]);
        writer.AddArray<short>("array.i16", [short.MinValue, 1]);
        writer.AddArray<uint>("array.u32", [uint.MaxValue, 1]);
        writer.AddArray<int>("array.i32", [int.MinValue, 1]);
        writer.AddArray<float>("array.f32", [0.1f, 1]);
        writer.AddArray<bool>("array.bool", [true, true]);
        writer.AddArray<ulong>("array.u64", [ulong.MaxValue, 1]);
        writer.AddArray<long>("array.i64", [long.MinValue, 1]);
        writer.AddArray<double>("array.f64", [0.1, 1]);
        writer.AddStrings("array.string", ["a", "", "ö"]);
        writer.AddArray<uint>("array.empty", []);
        writer.AddTensor("matrix", GgmlType.F32, [3, 2], Singles(1, 2, 3, 4, 5, 6));
        byte[] block = [0x00, 0x38, 0x00, 0xC0, .. Enumerable.Range(0, 16).Select(j => (byte)j)];
        writer.AddTensor("quantized", GgmlType.Q4_1, [32], block);
        writer.AddTensor("described", GgmlType.Q4_K, [256, 1], new byte[144]);
        writer.AddTensor("scalar", GgmlType.F32, [], Singles(7));
        using var stream = new MemoryStream();

        writer.Write(stream);

        Assert.Equal(File.ReadAllBytes(SharedFiles.Fixture("formats/all-types.gguf")), stream.ToArray());
    }

    [Fact]
    public void A_copy_of_everything_is_the_same_file() => HoldCopy(SharedFiles.Fixture("formats/all-types.gguf"));

    [SharedTheory("oracles/families")]
    [InlineData("oracles/families/llama3.2/model-f16.gguf")]
    [InlineData("oracles/families/gemma3/model-f16.gguf")]
    [InlineData("oracles/lora/adapter-f16.gguf")]
    public void A_copy_of_what_the_converter_wrote_is_the_same_file(string path) => HoldCopy(SharedFiles.Resolve(path));

    [Fact]
    public void Metadata_can_be_copied_but_for_some_keys()
    {
        using var folder = new TemporaryFolder();
        using var source = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));
        var writer = new GgufWriter();
        writer.CopyMetadata(source.Metadata, "scalar.string", "array.f64");
        writer.AddString("scalar.string", "another");
        AtomicFile.Write(folder.PathOf("copy.gguf"), writer.Write);

        using var copy = GgufFile.Open(folder.PathOf("copy.gguf"));

        Assert.Equal(32, copy.Alignment);
        Assert.Equal(source.Metadata.Keys.Except(["general.alignment", "array.f64"]).Order(), copy.Metadata.Keys.Order());
        Assert.Equal("another", copy.Metadata.GetString("scalar.string"));
    }

    [Fact]
    public void The_fingerprint_depends_on_the_weights_alone()
    {
        using var folder = new TemporaryFolder();
        string Fingerprint(string template, bool reversed, float value)
        {
            var writer = new GgufWriter();
            writer.AddString("tokenizer.chat_template", template);
            (string Name, byte[] Data)[] tensors = [("a", Singles(1, value)), ("b", Singles(3, 4))];
            foreach (var (name, data) in reversed ? tensors.Reverse() : tensors)
            {
                writer.AddTensor(name, GgmlType.F32, [2], data);
            }

            AtomicFile.Write(folder.PathOf("model.gguf"), writer.Write);
            using var file = GgufFile.Open(folder.PathOf("model.gguf"));
            return file.Fingerprint;
        }

        var fingerprint = Fingerprint("one", reversed: false, value: 2);

        Assert.Equal(fingerprint, Fingerprint("two", reversed: true, value: 2));
        Assert.NotEqual(fingerprint, Fingerprint("one", reversed: false, value: 2.5f));
    }

    [Fact]
    public void Misuse_is_refused()
    {
        var writer = new GgufWriter();
        writer.AddUInt32("a", 1);
        writer.AddTensor("t", GgmlType.F32, [1], new byte[4]);

        Assert.Throws<ArgumentException>(() => writer.AddUInt32("a", 1));
        Assert.Throws<ArgumentException>(() => writer.AddUInt32("", 1));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("t", GgmlType.F32, [1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor(new string('t', 64), GgmlType.F32, [1], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgmlType.F32, [2], new byte[4]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgmlType.Q4_0, [16, 2], new byte[18]));
        Assert.Throws<ArgumentException>(() => writer.AddTensor("u", GgmlType.F32, [1, 1, 1, 1, 1], new byte[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GgufWriter(alignment: 48));
        Assert.Throws<NotSupportedException>(() => writer.AddArray<char>("chars", ['c']));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    public void A_callback_that_writes_another_length_fails(int length)
    {
        var writer = new GgufWriter();
        writer.AddTensor("t", GgmlType.F32, [1], stream => stream.Write(new byte[length]));

        Assert.Throws<InvalidOperationException>(() => writer.Write(Stream.Null));
    }

    private static void HoldCopy(string path)
    {
        using var source = GgufFile.Open(path);
        var writer = new GgufWriter(source.Alignment);
        writer.CopyMetadata(source.Metadata);
        foreach (var tensor in source.Tensors)
        {
            writer.AddTensor(source, tensor);
        }

        using var stream = new MemoryStream();
        writer.Write(stream);

        Assert.Equal(File.ReadAllBytes(path), stream.ToArray());
    }

    private static byte[] Singles(params float[] values)
    {
        var bytes = new byte[values.Length * sizeof(float)];
        F32Block.Quantize(values, bytes);
        return bytes;
    }
}

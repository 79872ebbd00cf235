using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;

namespace Personalize.Core.Tests.Formats.Gguf;

/// <summary>Every way in which a GGUF file must be refused, with its code and its byte; the numbers are those of the list of hostile files.</summary>
public sealed class GgufHostileTests
{
    private const uint F32 = 0;
    private const uint Q4_0 = 2;
    private const uint StringType = 8;
    private const uint ArrayType = 9;

    private static readonly Dictionary<string, (ModelFormatError Code, Func<GgufBytes> Build)> Cases = new(StringComparer.Ordinal)
    {
        ["1 bad magic"] = (ModelFormatError.BadMagic, () => new GgufBytes().Mark().Raw("GGML"u8).U32(3).I64(0).I64(0)),
        ["2 version 0"] = (ModelFormatError.VersionZero, () => new GgufBytes().Raw("GGUF"u8).Mark().U32(0).I64(0).I64(0)),
        ["3 version 1"] = (ModelFormatError.VersionOne, () => new GgufBytes().Raw("GGUF"u8).Mark().U32(1).I64(0).I64(0)),
        ["4 future version"] = (ModelFormatError.VersionFuture, () => new GgufBytes().Raw("GGUF"u8).Mark().U32(4).I64(0).I64(0)),
        ["5 byte-swapped version"] = (ModelFormatError.VersionByteSwapped, () => new GgufBytes().Raw("GGUF"u8).Mark().U32(0x0300_0000).I64(0).I64(0)),
        ["6 empty file"] = (ModelFormatError.TruncatedHeader, () => new GgufBytes().Mark()),
        ["6 magic cut"] = (ModelFormatError.TruncatedHeader, () => new GgufBytes().Mark().Raw("GGU"u8)),
        ["6 counts cut"] = (ModelFormatError.TruncatedHeader, () => new GgufBytes().Raw("GGUF"u8).U32(3).I64(0).Mark().U32(0)),
        ["6 value cut"] = (ModelFormatError.TruncatedHeader, () => GgufBytes.Start(keys: 1).Text("general.count").U32(10).Mark().U32(7)),
        ["6 tensor cut"] = (ModelFormatError.TruncatedHeader, () => GgufBytes.Start(tensors: 1).Tensor("a", F32, 4, 4).Mark().U32(0)),
        ["7 tensor count negative"] = (ModelFormatError.TensorCountOutOfRange, () => new GgufBytes().Raw("GGUF"u8).U32(3).Mark().I64(-1).I64(0)),
        ["7 tensor count huge"] = (ModelFormatError.TensorCountOutOfRange, () => new GgufBytes().Raw("GGUF"u8).U32(3).Mark().I64(long.MaxValue).I64(0)),
        ["7 more tensors than room"] = (ModelFormatError.TensorCountOutOfRange, () => new GgufBytes().Raw("GGUF"u8).U32(3).Mark().I64(2).I64(0).Tensor("a", F32, 1).U64(0)),
        ["8 key count negative"] = (ModelFormatError.KeyCountOutOfRange, () => new GgufBytes().Raw("GGUF"u8).U32(3).I64(0).Mark().I64(long.MinValue)),
        ["8 key count huge"] = (ModelFormatError.KeyCountOutOfRange, () => new GgufBytes().Raw("GGUF"u8).U32(3).I64(0).Mark().I64(1L << 40)),
        ["8 more keys than room"] = (ModelFormatError.KeyCountOutOfRange, () => new GgufBytes().Raw("GGUF"u8).U32(3).I64(0).Mark().I64(2).KeyU32("a", 1)),
        ["9 key length 2^64-1"] = (ModelFormatError.KeyLengthOutOfRange, () => GgufBytes.Start(keys: 1).Mark().U64(ulong.MaxValue).Raw(new byte[16])),
        ["9 key length 65,536"] = (ModelFormatError.KeyLengthOutOfRange, () => GgufBytes.Start(keys: 1).Mark().Text(new string('k', 65_536)).U32(4).U32(1)),
        ["10 empty key"] = (ModelFormatError.EmptyKey, () => GgufBytes.Start(keys: 1).Mark().KeyU32("", 1)),
        ["11 duplicate key"] = (ModelFormatError.DuplicateKey, () => GgufBytes.Start(keys: 2).KeyU32("a.b", 1).Mark().KeyU32("a.b", 2)),
        ["12 unknown value type"] = (ModelFormatError.UnknownValueType, () => GgufBytes.Start(keys: 1).Text("a.b").Mark().U32(13).U64(0)),
        ["12 unknown element type"] = (ModelFormatError.UnknownValueType, () => GgufBytes.Start(keys: 1).Text("a.b").U32(ArrayType).Mark().U32(uint.MaxValue).U64(1).U64(0)),
        ["13 nested array"] = (ModelFormatError.NestedArray, () => GgufBytes.Start(keys: 1).Text("a.b").U32(ArrayType).Mark().U32(ArrayType).U64(1).U32(0).U64(0)),
        ["14 array length 2^63"] = (ModelFormatError.ArrayLengthOutOfRange, () => GgufBytes.Start(keys: 1).Text("a").U32(ArrayType).U32(4).Mark().U64(1UL << 63)),
        ["14 array of strings 2^63"] = (ModelFormatError.ArrayLengthOutOfRange, () => GgufBytes.Start(keys: 1).Text("a").U32(ArrayType).U32(StringType).Mark().U64(1UL << 63)),
        ["14 array one too long"] = (ModelFormatError.ArrayLengthOutOfRange, () => GgufBytes.Start(keys: 1).Text("a").U32(ArrayType).U32(10).Mark().U64(3).U64(0).U64(0)),
        ["14 array whose bytes wrap"] = (ModelFormatError.ArrayLengthOutOfRange, () => GgufBytes.Start(keys: 1).Text("a").U32(ArrayType).U32(12).Mark().U64(1UL << 61)),
        ["15 string past the end"] = (ModelFormatError.StringPastEnd, () => GgufBytes.Start(keys: 1).Text("a.b").U32(StringType).Mark().U64(5).Raw("abcd"u8)),
        ["15 string length 2^63"] = (ModelFormatError.StringPastEnd, () => GgufBytes.Start(keys: 1).Text("a.b").U32(StringType).Mark().U64(1UL << 63).Raw("abcd"u8)),
        ["15 key past the end"] = (ModelFormatError.StringPastEnd, () => GgufBytes.Start(keys: 1).Mark().U64(200).Raw(new byte[20])),
        ["15 element past the end"] = (ModelFormatError.StringPastEnd, () => GgufBytes.Start(keys: 1).Text("a").U32(ArrayType).U32(StringType).U64(2).Text("x").Mark().U64(9).U64(0)),
        ["16 invalid UTF-8 in a value"] = (ModelFormatError.InvalidUtf8, () => GgufBytes.Start(keys: 1).Text("a.b").U32(StringType).U64(3).Raw("ab"u8).Mark().Raw([0xFF])),
        ["16 invalid UTF-8 in a key"] = (ModelFormatError.InvalidUtf8, () => GgufBytes.Start(keys: 1).U64(3).Raw("a"u8).Mark().Raw([0xC0, 0x80]).U32(4).U32(1)),
        ["16 surrogate in a tensor's name"] = (ModelFormatError.InvalidUtf8, () => GgufBytes.Start(tensors: 1).U64(3).Mark().Raw([0xED, 0xA0, 0x80]).U32(1).I64(1).U32(F32).U64(0)),
        ["17 alignment 0"] = (ModelFormatError.AlignmentInvalid, () => GgufBytes.Start(keys: 1).Text("general.alignment").U32(4).Mark().U32(0)),
        ["17 alignment 48"] = (ModelFormatError.AlignmentInvalid, () => GgufBytes.Start(keys: 1).Text("general.alignment").U32(4).Mark().U32(48)),
        ["17 alignment 2 MiB"] = (ModelFormatError.AlignmentInvalid, () => GgufBytes.Start(keys: 1).Text("general.alignment").U32(4).Mark().U32(2 << 20)),
        ["18 alignment a string"] = (ModelFormatError.AlignmentWrongType, () => GgufBytes.Start(keys: 1).Text("general.alignment").U32(StringType).Mark().Text("32")),
        ["18 alignment 64 bits"] = (ModelFormatError.AlignmentWrongType, () => GgufBytes.Start(keys: 1).Text("general.alignment").U32(10).Mark().U64(32)),
        ["19 tensor name of 64 bytes"] = (ModelFormatError.TensorNameLength, () => GgufBytes.Start(tensors: 1).Mark().Tensor(new string('t', 64), F32, 1).U64(0)),
        ["19 tensor name 2^64-1"] = (ModelFormatError.TensorNameLength, () => GgufBytes.Start(tensors: 1).Mark().U64(ulong.MaxValue).Raw(new byte[32])),
        ["19 tensor name empty"] = (ModelFormatError.TensorNameLength, () => GgufBytes.Start(tensors: 1).Mark().Tensor("", F32, 1).U64(0)),
        ["19 duplicate tensor"] = (ModelFormatError.DuplicateTensor, () => GgufBytes.Start(tensors: 2).Tensor("t", F32, 1).U64(0).Mark().Tensor("t", F32, 1).U64(32).PadTo(32).Raw(new byte[64])),
        ["20 five dimensions"] = (ModelFormatError.TooManyDimensions, () => GgufBytes.Start(tensors: 1).Text("t").Mark().U32(5).I64(1).I64(1).I64(1).I64(1).I64(1).U32(F32).U64(0)),
        ["20 2^32-1 dimensions"] = (ModelFormatError.TooManyDimensions, () => GgufBytes.Start(tensors: 1).Text("t").Mark().U32(uint.MaxValue).I64(1).U32(F32).U64(0)),
        ["21 negative dimension"] = (ModelFormatError.NegativeDimension, () => GgufBytes.Start(tensors: 1).Text("t").U32(2).I64(1).Mark().I64(-1).U32(F32).U64(0)),
        ["22 elements overflow"] = (ModelFormatError.ElementCountOverflow, () => GgufBytes.Start(tensors: 1).Text("t").U32(2).I64(1L << 32).Mark().I64(1L << 31).U32(F32).U64(0)),
        ["22 elements wrap to zero"] = (ModelFormatError.ElementCountOverflow, () => GgufBytes.Start(tensors: 1).Text("t").U32(2).I64(1L << 32).Mark().I64(1L << 32).U32(F32).U64(0)),
        ["23 bytes overflow"] = (ModelFormatError.ByteSizeOverflow, () => GgufBytes.Start(tensors: 1).Mark().Tensor("t", F32, 1L << 61).U64(0)),
        ["23 padding overflows"] = (ModelFormatError.ByteSizeOverflow, () => GgufBytes.Start(tensors: 1).Mark().Tensor("t", 24, long.MaxValue).U64(0)),
        ["23 offset and size overflow"] = (ModelFormatError.ByteSizeOverflow, () => GgufBytes.Start(tensors: 1).Mark().Tensor("t", 24, long.MaxValue - 63).U64(0)),
        ["24 row not a multiple of the block"] = (ModelFormatError.RowNotWholeBlocks, () => GgufBytes.Start(tensors: 1).Text("t").U32(2).Mark().I64(16).I64(2).U32(Q4_0).U64(0)),
        ["24 unknown type"] = (ModelFormatError.UnknownTensorType, () => GgufBytes.Start(tensors: 1).Text("t").U32(1).I64(32).Mark().U32(1000).U64(0)),
        ["24 type above 2^31"] = (ModelFormatError.UnknownTensorType, () => GgufBytes.Start(tensors: 1).Text("t").U32(1).I64(32).Mark().U32(uint.MaxValue).U64(0)),
        ["24 removed type 4"] = (ModelFormatError.UnknownTensorType, () => GgufBytes.Start(tensors: 1).Text("t").U32(1).I64(32).Mark().U32(4).U64(0)),
        ["24 removed type 31"] = (ModelFormatError.UnknownTensorType, () => GgufBytes.Start(tensors: 1).Text("t").U32(1).I64(32).Mark().U32(31).U64(0)),
        ["24 removed type 36"] = (ModelFormatError.UnknownTensorType, () => GgufBytes.Start(tensors: 1).Text("t").U32(1).I64(32).Mark().U32(36).U64(0)),
        ["25 first offset not 0"] = (ModelFormatError.TensorOffsetWrong, () => GgufBytes.Start(tensors: 1).Tensor("t", F32, 8).Mark().U64(32).PadTo(32).Raw(new byte[64])),
        ["25 overlap"] = (ModelFormatError.TensorOffsetWrong, () => GgufBytes.Start(tensors: 2).Tensor("t", F32, 8).U64(0).Tensor("u", F32, 8).Mark().U64(0).PadTo(32).Raw(new byte[64])),
        ["25 hole"] = (ModelFormatError.TensorOffsetWrong, () => GgufBytes.Start(tensors: 2).Tensor("t", F32, 8).U64(0).Tensor("u", F32, 8).Mark().U64(64).PadTo(32).Raw(new byte[96])),
        ["25 offset 2^63"] = (ModelFormatError.TensorOffsetWrong, () => GgufBytes.Start(tensors: 1).Tensor("t", F32, 8).Mark().U64(1UL << 63).PadTo(32).Raw(new byte[32])),
        ["25 misaligned"] = (ModelFormatError.TensorMisaligned, () => GgufBytes.Start(tensors: 1).Tensor("t", F32, 8).Mark().U64(4).PadTo(32).Raw(new byte[64])),
        ["25 data past the end"] = (ModelFormatError.TensorPastEnd, () => GgufBytes.Start(tensors: 1).Tensor("t", F32, 8).Mark().U64(0).PadTo(32).Raw(new byte[31])),
        ["25 no data at all"] = (ModelFormatError.TensorPastEnd, () => GgufBytes.Start(tensors: 1).Tensor("t", F32, 8).Mark().U64(0)),
        ["a boolean of 2"] = (ModelFormatError.InvalidBoolean, () => GgufBytes.Start(keys: 1).Text("a").U32(7).Mark().Raw([2]).Raw(new byte[8])),
        ["a boolean of 2 in an array"] = (ModelFormatError.InvalidBoolean, () => GgufBytes.Start(keys: 1).Text("a").U32(ArrayType).U32(7).U64(3).Raw([0, 1]).Mark().Raw([2])),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Is_refused_with_its_code_and_byte(string name)
    {
        var (code, build) = Cases[name];
        var bytes = build();
        using var folder = new TemporaryFolder();
        var path = folder.Write("hostile.gguf", bytes.ToArray());

        var error = OpeningCost.Open(path, GgufFile.Open);

        Assert.NotNull(error);
        Assert.Equal(code, error.Code);
        Assert.Equal(bytes.Marked, error.Offset);
        Assert.Equal(path, error.Path);
        Assert.StartsWith("hostile.gguf: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void All_twenty_five_cases_are_here() =>
        Assert.Equal(Enumerable.Range(1, 25), Cases.Keys.Where(name => char.IsDigit(name[0])).Select(name => int.Parse(name.Split(' ')[0])).Distinct().Order());

    [Fact]
    public void The_key_and_the_tensor_at_fault_are_named()
    {
        using var folder = new TemporaryFolder();

        var key = OpeningCost.Open(folder.Write("key.gguf", Cases["11 duplicate key"].Build().ToArray()), GgufFile.Open);
        var tensor = OpeningCost.Open(folder.Write("tensor.gguf", Cases["25 overlap"].Build().ToArray()), GgufFile.Open);

        Assert.Equal("a.b", key?.Key);
        Assert.Equal("u", tensor?.Tensor);
        Assert.Contains("tensor u, at byte", tensor?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Control_characters_of_a_name_do_not_reach_the_message()
    {
        using var folder = new TemporaryFolder();
        var bytes = GgufBytes.Start(keys: 2).KeyU32("a\n\u001b[2J\u202e", 1).KeyU32("a\n\u001b[2J\u202e", 1).ToArray();

        var error = OpeningCost.Open(folder.Write("names.gguf", bytes), GgufFile.Open);

        Assert.Equal("a\n\u001b[2J\u202e", error?.Key);
        Assert.Contains("key a??[2J?", error?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_told_apart()
    {
        using var folder = new TemporaryFolder();

        Assert.Equal(ModelFormatError.FileNotFound, Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.PathOf("none.gguf"))).Code);
        Assert.Equal(ModelFormatError.FileNotFound, Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.PathOf("none/none.gguf"))).Code);
        Assert.Equal(ModelFormatError.Unreadable, Assert.Throws<ModelFormatException>(() => GgufFile.Open(folder.Root)).Code);
    }

    [Theory]
    [InlineData(37_000, 0)]
    [InlineData(0, 50_000)]
    [InlineData(65_536, 65_536)]
    public void The_smallest_entries_in_great_number_stay_within_the_bound(int tensors, int keys)
    {
        var bytes = GgufBytes.Start(tensors: tensors, keys: keys);
        for (var i = 0; i < keys; i++)
        {
            bytes.Text($"{i}").U32(0).Raw([1]);
        }

        for (var i = 0; i < tensors; i++)
        {
            bytes.Tensor($"{i}", F32).U64((ulong)i * 32);
        }

        using var folder = new TemporaryFolder();
        var path = folder.Write("many.gguf", bytes.PadTo(32).Raw(new byte[tensors * 32]).ToArray());

        Assert.Null(OpeningCost.Open(path, GgufFile.Open));
        using var file = GgufFile.Open(path);
        Assert.Equal((tensors, keys), (file.Tensors.Count, file.Metadata.Count));
    }

    [Theory]
    [InlineData(65_537, 0, ModelFormatError.TensorCountOutOfRange)]
    [InlineData(0, 65_537, ModelFormatError.KeyCountOutOfRange)]
    public void More_entries_than_anyone_needs_are_refused(long tensors, long keys, ModelFormatError code)
    {
        using var folder = new TemporaryFolder();

        var error = OpeningCost.Open(folder.Write("many.gguf", GgufBytes.Start(tensors: tensors, keys: keys).Raw(new byte[4 << 20]).ToArray()), GgufFile.Open);

        Assert.Equal(code, error?.Code);
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        var whole = File.ReadAllBytes(Personalize.TestSupport.SharedFiles.Fixture("formats/all-types.gguf"));
        const int PaddingOfTheLastTensor = 60;
        using var folder = new TemporaryFolder();
        for (var length = 0; length < whole.Length - PaddingOfTheLastTensor; length++)
        {
            var path = folder.Write("cut.gguf", whole[..length]);
            Assert.True(OpeningCost.Open(path, GgufFile.Open) is not null, $"accepted when cut to {length} of {whole.Length} bytes");
        }

        Assert.Null(OpeningCost.Open(folder.Write("cut.gguf", whole[..^PaddingOfTheLastTensor]), GgufFile.Open));
    }

    [Fact]
    public void Text_of_the_file_is_not_in_the_message()
    {
        const string Private = "what a person wrote";
        using var folder = new TemporaryFolder();
        var bytes = GgufBytes.Start(keys: 1).Text("a.b").U32(StringType).U64((ulong)Private.Length + 1).Raw(Encoding.UTF8.GetBytes(Private)).Raw([0xFF]).ToArray();

        Assert.DoesNotContain(Private, OpeningCost.Open(folder.Write("text.gguf", bytes), GgufFile.Open)?.ToString(), StringComparison.Ordinal);
    }
}

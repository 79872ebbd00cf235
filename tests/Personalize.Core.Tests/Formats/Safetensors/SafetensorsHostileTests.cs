using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Safetensors;

namespace Personalize.Core.Tests.Formats.Safetensors;

/// <summary>Every way in which a safetensors file must be refused, with its code and its byte; the numbers are those of the list of hostile files.</summary>
public sealed class SafetensorsHostileTests
{
    // The byte at fault is behind the ¦ of the header; without one it is -1 here and tested apart.
    private static readonly Dictionary<string, (ModelFormatError Code, string Header, int DataLength)> Headers = new(StringComparer.Ordinal)
    {
        ["5 not closed"] = (ModelFormatError.HeaderBadJson, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}¦""", 4),
        ["5 no value"] = (ModelFormatError.HeaderBadJson, """{"t":¦}""", 0),
        ["5 a comma too many"] = (ModelFormatError.HeaderBadJson, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},¦}""", 4),
        ["5 on the second line"] = (ModelFormatError.HeaderBadJson, "{\n\"t\":\n¦x}", 0),
        ["5 two objects"] = (ModelFormatError.HeaderBadJson, """{}¦{}""", 0),
        ["5 a comment"] = (ModelFormatError.HeaderBadJson, """{¦/**/}""", 0),
        ["10 an array for a dimension"] = (ModelFormatError.DimensionInvalid, """{"t":{"dtype":"F32","shape":[¦[[[[[[[[1]]]]]]]]],"data_offsets":[0,4]}}""", 4),
        ["5 half a surrogate pair"] = (ModelFormatError.HeaderBadJson, """{¦"\ud83d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4),
        ["6 an array"] = (ModelFormatError.HeaderNotObject, """¦[]""", 0),
        ["6 a space first"] = (ModelFormatError.HeaderNotObject, """¦ {}""", 0),
        ["6 nothing"] = (ModelFormatError.HeaderNotObject, "¦", 4),
        ["7 a tensor twice"] = (ModelFormatError.HeaderDuplicateKey, """{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},¦"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2),
        ["7 a tensor twice, once escaped"] = (ModelFormatError.HeaderDuplicateKey, """{"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},¦"\u0074":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2),
        ["7 metadata twice"] = (ModelFormatError.HeaderDuplicateKey, """{"__metadata__":{},¦"__metadata__":{}}""", 0),
        ["7 a key of the metadata twice"] = (ModelFormatError.HeaderDuplicateKey, """{"__metadata__":{"a":"1",¦"a":"2"}}""", 0),
        ["7 a field twice"] = (ModelFormatError.HeaderDuplicateKey, """{"t":{"dtype":"U8","shape":[1],¦"shape":[2],"data_offsets":[0,1]}}""", 1),
        ["8 metadata a string"] = (ModelFormatError.MetadataNotStrings, """{"__metadata__":¦"a"}""", 0),
        ["8 a number in the metadata"] = (ModelFormatError.MetadataNotStrings, """{"__metadata__":{"a":¦1}}""", 0),
        ["8 an object in the metadata"] = (ModelFormatError.MetadataNotStrings, """{"__metadata__":{"a":¦{}}}""", 0),
        ["9 unknown dtype"] = (ModelFormatError.UnknownDataType, """{"t":{"dtype":¦"F31","shape":[1],"data_offsets":[0,4]}}""", 4),
        ["9 dtype in lower case"] = (ModelFormatError.UnknownDataType, """{"t":{"dtype":¦"f32","shape":[1],"data_offsets":[0,4]}}""", 4),
        ["9 dtype a number in a string"] = (ModelFormatError.UnknownDataType, """{"t":{"dtype":¦"11","shape":[1],"data_offsets":[0,4]}}""", 4),
        ["10 negative dimension"] = (ModelFormatError.DimensionInvalid, """{"t":{"dtype":"F32","shape":[¦-1],"data_offsets":[0,4]}}""", 4),
        ["10 fractional dimension"] = (ModelFormatError.DimensionInvalid, """{"t":{"dtype":"F32","shape":[1,¦1.5],"data_offsets":[0,4]}}""", 4),
        ["10 a dimension with an exponent"] = (ModelFormatError.DimensionInvalid, """{"t":{"dtype":"F32","shape":[¦1e0],"data_offsets":[0,4]}}""", 4),
        ["10 a dimension in a string"] = (ModelFormatError.DimensionInvalid, """{"t":{"dtype":"F32","shape":[¦"1"],"data_offsets":[0,4]}}""", 4),
        ["11 product over 63 bits"] = (ModelFormatError.ShapeOverflow, """{"t":{"dtype":"F32","shape":¦[4294967296,4294967296],"data_offsets":[0,4]}}""", 4),
        ["11 bytes over 63 bits"] = (ModelFormatError.ShapeOverflow, """{"t":{"dtype":"F32","shape":¦[2305843009213693952],"data_offsets":[0,0]}}""", 0),
        ["11 dimension over 63 bits"] = (ModelFormatError.ShapeOverflow, """{"t":{"dtype":"F32","shape":[¦9223372036854775808],"data_offsets":[0,4]}}""", 4),
        ["12 range too long"] = (ModelFormatError.RangeSizeMismatch, """{"t":{"dtype":"F32","shape":[1],"data_offsets":¦[0,8]}}""", 8),
        ["12 range too short"] = (ModelFormatError.RangeSizeMismatch, """{"t":{"dtype":"F32","shape":[2],"data_offsets":¦[0,4]}}""", 4),
        ["13 end before begin"] = (ModelFormatError.RangeReversed, """{"t":{"dtype":"F32","shape":[1],"data_offsets":¦[4,0]}}""", 4),
        ["14 overlap"] = (ModelFormatError.RangeOverlapOrHole, """{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[2],"data_offsets":¦[4,12]}}""", 12),
        ["14 hole"] = (ModelFormatError.RangeOverlapOrHole, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"u":{"dtype":"F32","shape":[1],"data_offsets":¦[8,12]}}""", 12),
        ["14 hole at the start"] = (ModelFormatError.RangeOverlapOrHole, """{"t":{"dtype":"F32","shape":[1],"data_offsets":¦[4,8]}}""", 8),
        ["15 trailing bytes"] = (ModelFormatError.DataLengthMismatch, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5),
        ["15 truncation"] = (ModelFormatError.DataLengthMismatch, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3),
        ["15 data without tensors"] = (ModelFormatError.DataLengthMismatch, "{}¦", 1),
        ["15 range at 2^62"] = (ModelFormatError.DataLengthMismatch, """{"t":{"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,4611686018427387904]}}""", 3),
        ["entry an array"] = (ModelFormatError.HeaderEntryInvalid, """{"t":¦[]}""", 0),
        ["entry without shape"] = (ModelFormatError.HeaderEntryInvalid, """{¦"t":{"dtype":"F32","data_offsets":[0,4]}}""", 4),
        ["entry with a fourth field"] = (ModelFormatError.HeaderEntryInvalid, """{"t":{"dtype":"F32","shape":[1],¦"stride":[1],"data_offsets":[0,4]}}""", 4),
        ["dtype a number"] = (ModelFormatError.HeaderEntryInvalid, """{"t":{"dtype":¦7,"shape":[1],"data_offsets":[0,4]}}""", 4),
        ["three offsets"] = (ModelFormatError.HeaderEntryInvalid, """{¦"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 4),
        ["negative offset"] = (ModelFormatError.HeaderEntryInvalid, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[¦-4,0]}}""", 4),
        ["offset over 63 bits"] = (ModelFormatError.HeaderEntryInvalid, """{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,¦18446744073709551615]}}""", 4),
    };

    public static TheoryData<string> Names => [.. Headers.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Is_refused_with_its_code_and_byte(string name)
    {
        var (code, header, dataLength) = Headers[name];
        var (bytes, marked) = SafetensorsBytes.Build(header, dataLength);

        var error = Refuse(bytes);

        Assert.Equal(code, error.Code);
        if (marked >= 0)
        {
            Assert.Equal(marked, error.Offset);
        }
        else
        {
            // Without a mark the data is at fault: where the shorter of both ends.
            Assert.Equal(Math.Min(bytes.Length, 8 + header.Length + 4), error.Offset);
        }

        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void Case_1_under_8_bytes(int length) => Assert.Equal((ModelFormatError.FileTooShort, 0L), Place(Refuse(new byte[length])));

    [Theory]
    [InlineData(100_000_001)]
    [InlineData(ulong.MaxValue)]
    public void Case_2_header_over_the_limit(ulong length) =>
        Assert.Equal((ModelFormatError.HeaderOverLimit, 0L), Place(Refuse(SafetensorsBytes.Build("{}"u8.ToArray(), 0, length))));

    [Theory]
    [InlineData(3)]
    [InlineData(100_000_000)]
    public void Case_3_header_past_the_end(ulong length) =>
        Assert.Equal((ModelFormatError.HeaderPastEnd, 0L), Place(Refuse(SafetensorsBytes.Build("{}"u8.ToArray(), 0, length))));

    [Fact]
    public void Case_4_header_not_utf8() =>
        Assert.Equal((ModelFormatError.HeaderNotUtf8, 10L), Place(Refuse(SafetensorsBytes.Build([.. "{\""u8, 0xFF, .. "\":1}"u8], 0))));

    [Fact]
    public void Case_14_ten_tensors_on_one_range()
    {
        var entries = Enumerable.Range(0, 10).Select(i => $$"""{{(i == 0 ? "" : ",")}}"t{{i}}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""");

        var error = Refuse(SafetensorsBytes.Build(Encoding.UTF8.GetBytes($"{{{string.Concat(entries)}}}"), 4));

        Assert.Equal(ModelFormatError.RangeOverlapOrHole, error.Code);
        Assert.Equal("t1", error.Tensor);
    }

    [Fact]
    public void A_mebibyte_of_the_smallest_entries_stays_within_the_bound()
    {
        const int Count = 20_000;
        var header = new StringBuilder("{\"__metadata__\":{");
        header.AppendJoin(',', Enumerable.Range(0, Count).Select(i => $"\"{i}\":\"\"")).Append('}');
        for (var i = 0; i < Count; i++)
        {
            header.Append($$""","{{i}}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}""");
        }

        using var folder = new TemporaryFolder();
        var path = folder.Write("many.safetensors", SafetensorsBytes.Build(Encoding.UTF8.GetBytes(header.Append('}').ToString()), 0));

        Assert.Null(OpeningCost.Open(path, SafetensorsFile.Open));
        using var file = SafetensorsFile.Open(path);
        Assert.Equal((Count, Count), (file.Tensors.Count, file.Metadata.Count));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void More_entries_than_anyone_needs_are_refused(bool tensors)
    {
        const int Count = 65_537;
        var entries = Enumerable.Range(0, Count).Select(i => tensors ? $$"""{"dtype":"U8","shape":[0],"data_offsets":[0,0]}""" : "\"\"").Select((value, i) => $"\"{i}\":{value}");
        var list = $"{{{string.Join(',', entries)}}}";

        Assert.Equal(ModelFormatError.HeaderTooManyEntries, Refuse(SafetensorsBytes.Build(Encoding.UTF8.GetBytes(tensors ? list : $"{{\"__metadata__\":{list}}}"), 0)).Code);
    }

    [Fact]
    public void A_shape_of_many_dimensions_is_refused()
    {
        var shape = string.Join(',', Enumerable.Repeat("1", 33));

        Assert.Equal(
            ModelFormatError.HeaderTooManyEntries,
            Refuse(SafetensorsBytes.Build(Encoding.UTF8.GetBytes($$$"""{"t":{"dtype":"U8","shape":[{{{shape}}}],"data_offsets":[0,1]}}"""), 1)).Code);
    }

    [Fact]
    public void A_missing_file_and_a_folder_are_told_apart()
    {
        using var folder = new TemporaryFolder();

        Assert.Equal(ModelFormatError.FileNotFound, Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(folder.PathOf("none"))).Code);
        Assert.Equal(ModelFormatError.Unreadable, Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(folder.Root)).Code);
    }

    private static (ModelFormatError Code, long Offset) Place(ModelFormatException error) => (error.Code, error.Offset ?? -1);

    private static ModelFormatException Refuse(byte[] bytes)
    {
        using var folder = new TemporaryFolder();
        var error = OpeningCost.Open(folder.Write("hostile.safetensors", bytes), SafetensorsFile.Open);
        Assert.NotNull(error);
        return error;
    }
}

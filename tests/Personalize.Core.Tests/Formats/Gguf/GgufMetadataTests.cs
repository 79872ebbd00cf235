using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Formats.Gguf;

public sealed class GgufMetadataTests
{
    private static readonly GgufMetadata Metadata = Read();

    [Fact]
    public void Keys_keep_the_order_of_the_file()
    {
        Assert.Equal(27, Metadata.Count);
        Assert.Equal(["general.alignment", "scalar.string", "scalar.empty", "scalar.u8"], Metadata.Keys.Take(4));
        Assert.True(Metadata.Contains("array.f64"));
        Assert.False(Metadata.Contains("array.f65"));
    }

    [Theory]
    [InlineData("scalar.u8", 255)]
    [InlineData("scalar.i8", -128)]
    [InlineData("scalar.u16", 65_535)]
    [InlineData("scalar.i16", -32_768)]
    [InlineData("scalar.u32", 4_294_967_295)]
    [InlineData("scalar.i32", int.MinValue)]
    [InlineData("scalar.i64", long.MinValue)]
    public void Integers_of_every_type_are_read(string key, long expected) => Assert.Equal(expected, Metadata.GetInt64(key));

    [Theory]
    [InlineData("scalar.u8", 255)]
    [InlineData("scalar.u16", 65_535)]
    [InlineData("scalar.u32", 4_294_967_295)]
    public void What_fits_32_bits_without_sign_is_read(string key, uint expected) => Assert.Equal(expected, Metadata.GetUInt32(key));

    [Theory]
    [InlineData("scalar.i8")]
    [InlineData("scalar.i16")]
    [InlineData("scalar.i32")]
    [InlineData("scalar.i64")]
    [InlineData("scalar.u64")]
    [InlineData("scalar.f32")]
    [InlineData("scalar.bool")]
    [InlineData("scalar.string")]
    [InlineData("array.u32")]
    public void What_does_not_fit_32_bits_without_sign_is_refused(string key)
    {
        Assert.False(Metadata.TryGetUInt32(key, out _));
        var error = Assert.Throws<ModelFormatException>(() => Metadata.GetUInt32(key));
        Assert.Equal((ModelFormatError.WrongValueType, key), (error.Code, error.Key));
    }

    [Fact]
    public void Floats_booleans_and_strings_are_read()
    {
        Assert.Equal(0.1f, Metadata.GetSingle("scalar.f32"));
        Assert.Equal(0.1f, Metadata.GetSingle("scalar.f64"));
        Assert.True(Metadata.GetBoolean("scalar.bool"));
        Assert.Equal("grüße 🦙", Metadata.GetString("scalar.string"));
        Assert.Equal("", Metadata.GetString("scalar.empty"));
    }

    [Fact]
    public void Arrays_are_read()
    {
        Assert.Equal(["a", "", "ö"], Metadata.GetStrings("array.string"));
        Assert.Equal([255, 1], Metadata.GetInt32s("array.u8"));
        Assert.Equal([-128, 1], Metadata.GetInt32s("array.i8"));
        Assert.Equal([int.MinValue, 1], Metadata.GetInt32s("array.i32"));
        Assert.Equal([0.1f, 1], Metadata.GetSingles("array.f32"));
        Assert.Equal([0.1f, 1], Metadata.GetSingles("array.f64"));
        Assert.True(Metadata.TryGetBooleans("array.bool", out var booleans));
        Assert.Equal([true, true], booleans);
        Assert.Empty(Metadata.GetInt32s("array.empty"));
    }

    [Theory]
    [InlineData("array.u32")]
    [InlineData("array.u64")]
    [InlineData("array.i64")]
    [InlineData("array.f32")]
    [InlineData("array.string")]
    [InlineData("scalar.i32")]
    public void Arrays_that_are_no_32_bit_integers_are_refused(string key)
    {
        Assert.False(Metadata.TryGetInt32s(key, out _));
        Assert.Equal(ModelFormatError.WrongValueType, Assert.Throws<ModelFormatException>(() => Metadata.GetInt32s(key)).Code);
    }

    [Fact]
    public void A_missing_key_is_named()
    {
        Action[] reads =
        [
            () => Metadata.GetString("no.key"), () => Metadata.GetUInt32("no.key"), () => Metadata.GetInt64("no.key"), () => Metadata.GetSingle("no.key"),
            () => Metadata.GetBoolean("no.key"), () => Metadata.GetStrings("no.key"), () => Metadata.GetInt32s("no.key"), () => Metadata.GetSingles("no.key"),
        ];

        Assert.All(reads, read =>
        {
            var error = Assert.Throws<ModelFormatException>(read);
            Assert.Equal((ModelFormatError.MissingKey, "no.key"), (error.Code, error.Key));
            Assert.Contains("no.key", error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void The_stored_types_are_told()
    {
        Assert.True(Metadata.TryGetType("array.string", out var type, out var elementType, out var count));
        Assert.Equal((GgufValueType.Array, GgufValueType.String, 3), (type, elementType, count));
        Assert.True(Metadata.TryGetType("scalar.i8", out type, out elementType, out count));
        Assert.Equal((GgufValueType.Int8, GgufValueType.Int8, 1), (type, elementType, count));
        Assert.False(Metadata.TryGetType("no.key", out _, out _, out _));
    }

    private static GgufMetadata Read()
    {
        using var file = GgufFile.Open(SharedFiles.Fixture("formats/all-types.gguf"));
        return file.Metadata;
    }
}

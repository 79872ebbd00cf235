using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Quantization;

public sealed class BlockCodecTests
{
    // The scale itself is rounded to a half, whose unit in the last place is 2^-11 of it; 15 and 127 levels of it add up.
    private const double ScaleRounding = 1.0 / 2048;

    public static TheoryData<GgmlType> Supported => [.. Enum.GetValues<GgmlType>().Where(type => BlockFormat.Of(type).IsSupported)];

    [Fact]
    public void Q4_0_by_hand()
    {
        // -8 at the start gives d = 1; every other element is its own level.
        var values = Enumerable.Range(0, 32).Select(i => (float)((i % 16) - 8)).ToArray();
        var bytes = new byte[18];

        Q4_0Block.Quantize(values, bytes);

        Assert.Equal([0x00, 0x3C, .. Enumerable.Range(0, 16).Select(i => (byte)(i | (i << 4)))], bytes);
    }

    [Fact]
    public void Q8_0_by_hand()
    {
        // A largest magnitude of 127 gives d = 1; halves round away from zero.
        var values = new float[32];
        (values[0], values[1], values[2], values[3]) = (127, -127, 2.5f, -2.5f);
        var bytes = new byte[34];

        Q8_0Block.Quantize(values, bytes);

        Assert.Equal([0x00, 0x3C, 127, 0x81, 3, 0xFD], bytes[..6]);
        Assert.All(bytes[6..], level => Assert.Equal(0, level));
    }

    [Fact]
    public void BF16_rounds_ties_to_even_and_keeps_nan()
    {
        float[] values = [BitConverter.UInt32BitsToSingle(0x3F80_8000), BitConverter.UInt32BitsToSingle(0x3F81_8000), BitConverter.UInt32BitsToSingle(0x7F80_0001), float.MaxValue];
        var bytes = new byte[8];

        BF16Block.Quantize(values, bytes);

        Assert.Equal([0x80, 0x3F, 0x82, 0x3F, 0xC0, 0x7F, 0x80, 0x7F], bytes);
    }

    [Theory]
    [InlineData(GgmlType.Q4_0, 8)]
    [InlineData(GgmlType.Q4_1, 15)]
    [InlineData(GgmlType.Q8_0, 127)]
    public void Every_value_comes_back_within_a_level(GgmlType type, int levels)
    {
        var blocks = Gen.Choose(-1_000_000, 1_000_000).Select(i => i / 1000f).ArrayOf(64);

        Prop.ForAll(blocks.ToArbitrary(), values =>
        {
            var bytes = new byte[BlockFormat.Of(type).GetByteLength(values.Length)];
            var back = new float[values.Length];
            BlockCodec.Quantize(type, values, bytes);
            BlockCodec.Dequantize(type, bytes, back);
            for (var block = 0; block < values.Length; block += 32)
            {
                var part = values[block..(block + 32)];
                var magnitude = part.Max(MathF.Abs);
                double range = type == GgmlType.Q4_1 ? part.Max() - part.Min() : magnitude;

                // Q4_0 has one level less on the side opposite to its extreme, so an element there may be a whole level away.
                var step = (type == GgmlType.Q4_0 ? 1 : 0.5) * range / levels;
                var tolerance = (step * (1 + ScaleRounding)) + ((range + magnitude) * ScaleRounding);
                Assert.All(Enumerable.Range(block, 32), i => Assert.InRange(Math.Abs((double)back[i] - values[i]), 0, tolerance));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [MemberData(nameof(Supported))]
    public void Lengths_that_disagree_are_refused(GgmlType type)
    {
        var format = BlockFormat.Of(type);

        Assert.Throws<ArgumentException>(() => BlockCodec.Dequantize(type, new byte[format.ByteCount + 1], new float[format.ElementCount]));
        Assert.Throws<ArgumentException>(() => BlockCodec.Quantize(type, new float[format.ElementCount], new byte[format.ByteCount - 1]));
    }

    [Theory]
    [MemberData(nameof(Supported))]
    public void What_is_not_finite_is_found_and_nothing_else(GgmlType type)
    {
        var format = BlockFormat.Of(type);
        var values = Enumerable.Range(0, format.ElementCount * 4).Select(i => i % 2 == 0 ? 60_000f : -60_000f).ToArray();
        var bytes = new byte[format.ByteCount * 4];
        BlockCodec.Quantize(type, values, bytes);
        Assert.Equal(-1, BlockCodec.IndexOfNonFinite(type, bytes));
        Assert.Equal(-1, BlockCodec.IndexOfNonFinite(type, []));

        foreach (var wrong in new[] { float.PositiveInfinity, float.NegativeInfinity, float.NaN })
        {
            var broken = bytes.ToArray();
            BlockCodec.Quantize(type is GgmlType.F32 or GgmlType.BF16 ? type : GgmlType.F16, [wrong], broken.AsSpan(format.ByteCount * 2, type == GgmlType.F32 ? 4 : 2));
            Assert.Equal(2, BlockCodec.IndexOfNonFinite(type, broken));
        }
    }

    [Fact]
    public void A_type_that_is_only_described_is_refused()
    {
        Assert.Throws<NotSupportedException>(() => BlockCodec.Dequantize(GgmlType.Q4_K, new byte[144], new float[256]));
        Assert.Throws<NotSupportedException>(() => BlockCodec.Quantize(GgmlType.Q4_K, new float[256], new byte[144]));
        Assert.Throws<NotSupportedException>(() => BlockCodec.IndexOfNonFinite(GgmlType.Q4_K, new byte[144]));
    }
}

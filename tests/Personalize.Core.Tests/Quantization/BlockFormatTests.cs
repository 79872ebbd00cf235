using Personalize.Core.Quantization;

namespace Personalize.Core.Tests.Quantization;

public sealed class BlockFormatTests
{
    [Theory]
    [InlineData(GgmlType.F32, 576, 2304)]
    [InlineData(GgmlType.BF16, 576, 1152)]
    [InlineData(GgmlType.Q4_0, 64, 36)]
    [InlineData(GgmlType.Q4_1, 64, 40)]
    [InlineData(GgmlType.Q8_0, 64, 68)]
    [InlineData(GgmlType.Q4_K, 512, 288)]
    [InlineData(GgmlType.Q6_K, 512, 420)]
    public void Bytes_of_whole_blocks(GgmlType type, long elements, long bytes) => Assert.Equal(bytes, BlockFormat.Of(type).GetByteLength(elements));

    [Fact]
    public void Every_type_that_is_named_has_a_block() => Assert.All(Enum.GetValues<GgmlType>(), type => Assert.True(BlockFormat.Of(type).ByteCount > 0));

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(38)]
    [InlineData(-1)]
    public void Withdrawn_and_unknown_numbers_have_none(int number)
    {
        Assert.False(BlockFormat.TryGet((GgmlType)number, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockFormat.Of((GgmlType)number));
    }

    [Fact]
    public void Parts_of_blocks_are_refused()
    {
        Assert.Throws<ArgumentException>(() => BlockFormat.Of(GgmlType.Q4_1).GetByteLength(33));
        Assert.Throws<ArgumentException>(() => BlockFormat.Of(GgmlType.Q4_1).GetByteLength(-32));
        Assert.Throws<OverflowException>(() => BlockFormat.Of(GgmlType.F32).GetByteLength(long.MaxValue));
    }
}

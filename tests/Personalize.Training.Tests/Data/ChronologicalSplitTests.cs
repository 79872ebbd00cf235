using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Training.Data;

namespace Personalize.Training.Tests.Data;

public sealed class ChronologicalSplitTests
{
    [Theory]
    [InlineData(430, 300, 30, 100)]
    [InlineData(1000, 300, 30, 100)]
    [InlineData(100, 70, 7, 23)]
    [InlineData(429, 300, 30, 99)]
    [InlineData(10, 7, 0, 3)]
    [InlineData(2, 1, 0, 1)]
    public void Follows_the_protocol(int count, int train, int gap, int test) =>
        Assert.Equal(new ChronologicalSplit(train, gap, test), ChronologicalSplit.Protocol(count));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Too_few_rows_are_refused(int count)
    {
        var error = Assert.Throws<InsufficientDataException>(() => ChronologicalSplit.Protocol(count));
        Assert.Equal(count, error.Available);
        Assert.Equal(ChronologicalSplit.MinimumCount, error.Required);
    }

    [Fact]
    public void Every_row_up_to_the_430th_has_one_place() =>
        Prop.ForAll(Gen.Choose(2, 2000).ToArbitrary(), count =>
        {
            var split = ChronologicalSplit.Protocol(count);
            return split.TrainCount > 0 && split.TestCount > 0 && split.GapCount >= 0
                && split.TestStart + split.TestCount == Math.Min(count, ChronologicalSplit.ProtocolCount);
        }).QuickCheckThrowOnFailure();
}

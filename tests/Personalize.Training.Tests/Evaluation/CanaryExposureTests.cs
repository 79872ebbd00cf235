using Personalize.Training.Evaluation;

namespace Personalize.Training.Tests.Evaluation;

public sealed class CanaryExposureTests
{
    [Theory]
    [InlineData(0.5, 1, 3)]
    [InlineData(1.5, 2, 2)]
    [InlineData(3.5, 4, 1)]
    [InlineData(9, 8, 0)]
    [InlineData(3, 3, 1.4150374992788437)]
    [InlineData(double.PositiveInfinity, 8, 0)]
    public void Exposure_is_the_candidates_less_the_rank_in_bits(double canary, int rank, double bits)
    {
        double[] others = [1, 2, 3, 4, 5, 6, 7];
        Assert.Equal(rank, CanaryExposure.Rank(canary, others));
        Assert.Equal(bits, CanaryExposure.Bits(canary, others), 12);
    }

    [Fact]
    public void Without_candidates_or_numbers_there_is_no_rank()
    {
        Assert.Throws<ArgumentException>(() => CanaryExposure.Bits(1, []));
        Assert.Throws<ArgumentException>(() => CanaryExposure.Bits(double.NaN, [1]));
        Assert.Throws<ArgumentException>(() => CanaryExposure.Bits(1, [double.NaN]));
    }
}

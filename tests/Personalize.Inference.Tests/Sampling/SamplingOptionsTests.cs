using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

public class SamplingOptionsTests
{
    [Theory]
    [InlineData(-0.1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Temperature_is_finite_and_not_negative(float value) =>
        Assert.Throws<ArgumentOutOfRangeException>(nameof(SamplingOptions.Temperature), () => new SamplingOptions { Temperature = value });

    [Theory]
    [InlineData(0f)]
    [InlineData(1.01f)]
    [InlineData(float.NaN)]
    public void Top_p_is_above_0_and_at_most_1(float value) =>
        Assert.Throws<ArgumentOutOfRangeException>(nameof(SamplingOptions.TopP), () => new SamplingOptions { TopP = value });

    [Theory]
    [InlineData(-0.01f)]
    [InlineData(1.01f)]
    [InlineData(float.NaN)]
    public void Min_p_lies_between_0_and_1(float value) =>
        Assert.Throws<ArgumentOutOfRangeException>(nameof(SamplingOptions.MinP), () => new SamplingOptions { MinP = value });

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Repetition_penalty_is_positive(float value) =>
        Assert.Throws<ArgumentOutOfRangeException>(nameof(SamplingOptions.RepetitionPenalty), () => new SamplingOptions { RepetitionPenalty = value });

    [Fact]
    public void Counts_are_not_negative()
    {
        Assert.Throws<ArgumentOutOfRangeException>(nameof(SamplingOptions.TopK), () => new SamplingOptions { TopK = -1 });
        Assert.Throws<ArgumentOutOfRangeException>(nameof(SamplingOptions.RepetitionWindow), () => new SamplingOptions { RepetitionWindow = 0 });
    }

    [Fact]
    public void Defaults_are_greedy() => Assert.True(new SamplingOptions().IsGreedy);
}

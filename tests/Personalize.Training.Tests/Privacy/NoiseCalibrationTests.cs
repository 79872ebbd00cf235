using Personalize.Core.Errors;
using Personalize.Training.Privacy;

namespace Personalize.Training.Tests.Privacy;

public sealed class NoiseCalibrationTests
{
    private const double LessNoise = 0.99;

    [Theory]
    [InlineData(8, 1e-5, 0.0133, 75)]
    [InlineData(1, 1e-3, 0.05, 200)]
    [InlineData(3, 1e-5, 1, 10)]
    public void The_noise_is_enough_and_a_little_less_is_not(double epsilon, double delta, double rate, int steps)
    {
        var noise = NoiseCalibration.NoiseMultiplier(epsilon, delta, rate, steps);
        Assert.InRange(PldAccountant.Epsilon([new SubsampledGaussian(rate, noise, steps)], delta), 0, epsilon);
        Assert.True(PldAccountant.Epsilon([new SubsampledGaussian(rate, noise * LessNoise, steps)], delta) > epsilon);
    }

    [Theory]
    [InlineData(0, 1e-5, "epsilon")]
    [InlineData(-8, 1e-5, "epsilon")]
    [InlineData(double.NaN, 1e-5, "epsilon")]
    [InlineData(double.PositiveInfinity, 1e-5, "epsilon")]
    [InlineData(8, 0, "delta")]
    [InlineData(8, 1, "delta")]
    [InlineData(8, double.NaN, "delta")]
    public void A_guarantee_that_means_nothing_is_refused(double epsilon, double delta, string parameter) =>
        Assert.Equal(parameter, Assert.Throws<PrivacyParameterException>(() => NoiseCalibration.NoiseMultiplier(epsilon, delta, 0.1, 10)).Parameter);

    [Fact]
    public void An_epsilon_out_of_reach_is_said_to_be()
    {
        var error = Assert.Throws<PrivacyParameterException>(() => NoiseCalibration.NoiseMultiplier(1e-9, 1e-13, 1, 10_000_000));
        Assert.Contains("cannot be reached", error.Message, StringComparison.Ordinal);
    }
}

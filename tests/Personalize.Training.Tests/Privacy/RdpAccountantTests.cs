using Personalize.Core.Errors;
using Personalize.Training.Privacy;

namespace Personalize.Training.Tests.Privacy;

public sealed class RdpAccountantTests
{
    private const double RelativeTolerance = 1e-4;
    private const double PublishedDigits = 1e-3;
    private const double DivergenceTolerance = 1e-8;

    [Theory]
    [InlineData(5, 2.18075656e-3)]
    [InlineData(50, 2.38460375e-2)]
    [InlineData(100, 167.416308)]
    public void Divergences_of_whole_orders_are_the_published_ones(double order, double expected)
    {
        var job = new SubsampledGaussian(0.01, 2.5, 50);
        Assert.InRange(50 * RdpAccountant.StepDivergence(job, order) / expected, 1 - DivergenceTolerance, 1 + DivergenceTolerance);
    }

    [Fact]
    public void Divergences_rise_with_the_order_through_whole_and_broken_ones()
    {
        var job = new SubsampledGaussian(0.02, 1.1, 1);
        var divergences = RdpAccountant.DefaultOrders.Select(order => RdpAccountant.StepDivergence(job, order)).ToList();
        Assert.Equal(divergences.Order(), divergences);
        Assert.True(divergences[0] > 0);
    }

    [Fact]
    public void A_step_over_all_examples_is_the_plain_Gaussian() => Assert.Equal(3.5 / (2 * 1.3 * 1.3), RdpAccountant.StepDivergence(new SubsampledGaussian(1, 1.3, 1), 3.5));

    [Fact]
    public void Epsilon_agrees_with_another_library_s_own_test() =>
        Assert.InRange(RdpAccountant.Epsilon([new SubsampledGaussian(0.04, 1.5, 2250)], 1e-5) / 7.32911117143, 1 - RelativeTolerance, 1 + RelativeTolerance);

    [Theory]
    [InlineData(1.416, 2250)]
    [InlineData(1.3562, 2000)]
    public void Published_noise_gives_epsilon_eight(double noise, int steps) =>
        Assert.InRange(RdpAccountant.Epsilon([new SubsampledGaussian(0.04, noise, steps)], 1e-5) / 8, 1 - PublishedDigits, 1 + PublishedDigits);

    [Fact]
    public void Jobs_add_up()
    {
        var whole = RdpAccountant.Epsilon([new SubsampledGaussian(0.05, 2, 200)], 1e-3);
        Assert.Equal(whole, RdpAccountant.Epsilon([new SubsampledGaussian(0.05, 2, 120), new SubsampledGaussian(0.05, 2, 80)], 1e-3), 12);
        Assert.True(RdpAccountant.Epsilon([new SubsampledGaussian(0.05, 2, 200), new SubsampledGaussian(0.5, 5, 1)], 1e-3) > whole);
        Assert.Equal(0, RdpAccountant.Epsilon([], 1e-3));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-1e-5)]
    [InlineData(double.NaN)]
    public void A_delta_that_means_nothing_is_refused(double delta) =>
        Assert.Equal("delta", Assert.Throws<PrivacyParameterException>(() => RdpAccountant.Epsilon([], delta)).Parameter);

    [Theory]
    [InlineData(0, 1, 1, "samplingRate")]
    [InlineData(1.01, 1, 1, "samplingRate")]
    [InlineData(double.NaN, 1, 1, "samplingRate")]
    [InlineData(0.1, 0, 1, "noiseMultiplier")]
    [InlineData(0.1, -1, 1, "noiseMultiplier")]
    [InlineData(0.1, double.NaN, 1, "noiseMultiplier")]
    [InlineData(0.1, double.PositiveInfinity, 1, "noiseMultiplier")]
    [InlineData(0.1, 1, 0, "steps")]
    public void A_job_that_means_nothing_is_refused(double rate, double noise, int steps, string parameter) =>
        Assert.Equal(parameter, Assert.Throws<PrivacyParameterException>(() => new SubsampledGaussian(rate, noise, steps)).Parameter);
}

using MathNet.Numerics.Distributions;
using Personalize.Core.Errors;
using Personalize.Training.Privacy;

namespace Personalize.Training.Tests.Privacy;

public sealed class PldAccountantTests
{
    private const double ExactTolerance = 1e-6;
    private const double SumTolerance = 1e-12;
    private const double PointTolerance = 1e-9;

    [Theory]
    [InlineData(4, 10, 1e-5)]
    [InlineData(1, 1, 1e-3)]
    [InlineData(20, 300, 1e-6)]
    public void Plain_Gaussian_steps_give_the_epsilon_that_is_known_in_closed_form(double noise, int steps, double delta)
    {
        var epsilon = PldAccountant.Epsilon([new SubsampledGaussian(1, noise, steps)], delta);
        Assert.InRange(GaussianDelta(Math.Sqrt(steps) / noise, epsilon) / delta, 1 - 1e-4, 1 + ExactTolerance);
    }

    [Fact]
    public void Different_jobs_compose_as_their_closed_form_does()
    {
        var epsilon = PldAccountant.Epsilon([new SubsampledGaussian(1, 4, 10), new SubsampledGaussian(1, 7, 30)], 1e-5);
        Assert.InRange(GaussianDelta(Math.Sqrt((10 / 16d) + (30 / 49d)), epsilon) / 1e-5, 1 - 1e-4, 1 + ExactTolerance);
    }

    [Fact]
    public void A_job_in_two_parts_costs_what_it_costs_in_one()
    {
        var whole = PldAccountant.Epsilon([new SubsampledGaussian(0.05, 2, 200)], 1e-3);
        Assert.Equal(whole, PldAccountant.Epsilon([new SubsampledGaussian(0.05, 2, 120), new SubsampledGaussian(0.05, 2, 80)], 1e-3), 12);

        // Noise that differs in the last digits goes the way of different jobs.
        Assert.Equal(whole, PldAccountant.Epsilon([new SubsampledGaussian(0.05, 2, 120), new SubsampledGaussian(0.05, 2.000_000_001, 80)], 1e-3), 6);
        Assert.Equal(0, PldAccountant.Epsilon([], 1e-3));
    }

    [Theory]
    [InlineData(0.01, 1, true)]
    [InlineData(0.01, 1, false)]
    [InlineData(0.3, 0.5, true)]
    [InlineData(0.3, 0.5, false)]
    [InlineData(1, 2, true)]
    public void One_step_on_the_grid_has_the_true_divergences_at_its_points(double q, double sigma, bool removed)
    {
        const double Interval = 1e-3;
        var grid = GaussianLossGrid.Create(q, sigma, removed, Interval, PrivacyEstimate.Pessimistic);
        var optimistic = GaussianLossGrid.Create(q, sigma, removed, Interval, PrivacyEstimate.Optimistic);

        Assert.Equal(1, grid.Masses.Sum() + grid.Infinity, SumTolerance);
        Assert.Equal(1, optimistic.Masses.Sum(), SumTolerance);
        foreach (var epsilon in new[] { -0.004, 0, 0.005, 0.1, 0.3, 1.5 })
        {
            var expected = TrueDelta(q, sigma, removed, epsilon);
            Assert.Equal(expected, Delta(grid, Interval, epsilon), PointTolerance);
            Assert.InRange(Delta(optimistic, Interval, epsilon), 0, expected + PointTolerance);
        }
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.1)]
    public void Little_noise_widens_the_grid_in_place_of_the_memory(double noise)
    {
        var epsilon = PldAccountant.Epsilon([new SubsampledGaussian(1, noise, 3)], 1e-5);
        Assert.InRange(GaussianDelta(Math.Sqrt(3) / noise, epsilon), 0, 1e-5 * (1 + ExactTolerance));
        Assert.True(GaussianDelta(Math.Sqrt(3) / noise, epsilon * 0.99) > 1e-5);
    }

    [Theory]
    [InlineData(1, 0.1, 100)]
    [InlineData(1, 0.1, 10_000_000)]
    [InlineData(0.5, 1, 10_000_000)]
    public void What_reveals_everything_has_no_epsilon(double rate, double noise, int steps) =>
        Assert.Equal(double.PositiveInfinity, PldAccountant.Epsilon([new SubsampledGaussian(rate, noise, steps)], 1e-5));

    [Fact]
    public void A_delta_below_what_the_grid_can_tell_gives_no_guarantee() =>
        Assert.Equal(double.PositiveInfinity, PldAccountant.Epsilon([new SubsampledGaussian(0.1, 1, 10)], 1e-17));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void A_delta_that_means_nothing_is_refused(double delta) =>
        Assert.Equal("delta", Assert.Throws<PrivacyParameterException>(() => PldAccountant.Epsilon([], delta)).Parameter);

    /// <summary>Balle and Wang 2018, arXiv 1805.06530, theorem 8.</summary>
    private static double GaussianDelta(double mu, double epsilon)
    {
        var second = Normal.CDF(0, 1, -(mu / 2) - (epsilon / mu));
        return Normal.CDF(0, 1, (mu / 2) - (epsilon / mu)) - (second == 0 ? 0 : Math.Exp(epsilon + Math.Log(second)));
    }

    /// <summary>The integral of <c>max(0, P - exp(epsilon) Q)</c> by Simpson's rule.</summary>
    private static double TrueDelta(double q, double sigma, bool removed, double epsilon)
    {
        const int Intervals = 400_000;
        double low = -10 * sigma, high = 1 + (10 * sigma), width = (high - low) / Intervals, sum = 0;
        for (var i = 0; i <= Intervals; i++)
        {
            var x = low + (i * width);
            double centered = Normal.PDF(0, sigma, x), mixture = ((1 - q) * centered) + (q * Normal.PDF(1, sigma, x));
            var value = Math.Max(0, removed ? mixture - (Math.Exp(epsilon) * centered) : centered - (Math.Exp(epsilon) * mixture));
            sum += value * (i is 0 or Intervals ? 1 : i % 2 == 1 ? 4 : 2);
        }

        return sum * width / 3;
    }

    private static double Delta(PrivacyLossGrid grid, double interval, double epsilon) =>
        grid.Infinity + grid.Masses.Select((mass, i) => mass * Math.Max(0, 1 - Math.Exp(epsilon - ((grid.First + i) * interval)))).Sum();
}

using Personalize.Training.Evaluation;

namespace Personalize.Training.Tests.Evaluation;

public sealed class LossWatchTests
{
    private static readonly double[] Falling = [.. Enumerable.Range(0, 30).Select(s => 4 - (0.05 * s) + (s % 2 == 0 ? 0.9 : -0.9))];

    [Fact]
    public void A_noisy_run_that_falls_goes_on() =>
        Assert.All(Enumerable.Range(1, Falling.Length), count => Assert.False(LossWatch.HasDiverged(Falling[..count], 1)));

    [Fact]
    public void One_bad_step_is_not_divergence() => Assert.False(LossWatch.HasDiverged([.. Falling, 20], 1));

    [Theory]
    [InlineData(double.NaN, 1)]
    [InlineData(double.PositiveInfinity, 1)]
    [InlineData(3, double.NaN)]
    [InlineData(3, double.PositiveInfinity)]
    public void What_is_not_finite_is_divergence_at_once(double loss, double norm) => Assert.True(LossWatch.HasDiverged([loss], norm));

    [Fact]
    public void A_mean_twice_as_high_and_two_nats_above_is_divergence()
    {
        double[] losses = [.. Enumerable.Repeat(4.0, 8), .. Enumerable.Repeat(8.1, 8)];
        Assert.True(LossWatch.HasDiverged(losses, 1));
        Assert.False(LossWatch.HasDiverged(losses[..15], 1));
        Assert.False(LossWatch.HasDiverged([.. Enumerable.Repeat(4.0, 8), .. Enumerable.Repeat(7.9, 8)], 1));
        Assert.False(LossWatch.HasDiverged([.. Enumerable.Repeat(0.1, 8), .. Enumerable.Repeat(2.0, 8)], 1));
    }
}

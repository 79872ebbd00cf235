using Personalize.Training.Optimizers;

namespace Personalize.Training.Tests.Optimizers;

public sealed class GradientClippingTests
{
    private const double Tolerance = 1e-12;
    private const float FactorTolerance = 1e-6f;

    [Fact]
    public void The_norm_is_Euclidean_over_all_elements()
    {
        Assert.Equal(Math.Sqrt(55), GradientClipping.GlobalNorm([1, -2, 3, -4, 5]), Tolerance);
        Assert.Equal(0, GradientClipping.GlobalNorm([]));
    }

    [Fact]
    public void The_norm_survives_squares_that_overflow_single_precision() =>
        Assert.Equal(3e30, GradientClipping.GlobalNorm([3e30f]), 1e24);

    [Theory]
    [InlineData(4, 1, 0.25f)]
    [InlineData(0.5, 1, 1)]
    [InlineData(4, 0, 1)]
    [InlineData(0, 1, 1)]
    public void Only_what_is_longer_than_the_maximum_is_scaled(double norm, double maximum, float expected) =>
        Assert.Equal(expected, GradientClipping.Factor(norm, maximum), FactorTolerance);
}

using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Core.Tests.Kernels;

public sealed class VectorExpTests
{
    [Fact]
    public void It_is_within_two_units_of_the_exact_value_from_the_smallest_normal_result_to_the_largest()
    {
        for (var x = -87.3; x < 88.3; x += 0.00371)
        {
            var exact = Math.Exp((float)x);
            var unit = exact * 1.2e-7;
            Assert.InRange(VectorExp.Exp((float)x), exact - (2 * unit), exact + (2 * unit));
        }
    }

    [Fact]
    public void Eight_and_sixteen_at_once_have_the_bits_of_one()
    {
        var random = new Random(5);
        for (var round = 0; round < 20_000; round++)
        {
            var x = Vector256.Create([.. Enumerable.Range(0, 8).Select(_ => (float)((random.NextDouble() * 200) - 100))]);
            var vector = VectorExp.Exp(x);
            for (var i = 0; i < 8; i++)
            {
                Assert.Equal(VectorExp.Exp(x[i]), vector[i]);
            }

            var wide = VectorExp.Exp(Vector512.Create(x, -x));
            Assert.Equal(vector, wide.GetLower());
            Assert.Equal(VectorExp.Exp(-x), wide.GetUpper());
        }
    }

    [Theory]
    [InlineData(0f, 1f)]
    [InlineData(1e-30f, 1f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-88f, 0f)]
    [InlineData(float.NaN, float.NaN)]
    public void The_special_values(float x, float expected)
    {
        Assert.Equal(expected, VectorExp.Exp(x));
        Assert.Equal(expected, VectorExp.Exp(Vector256.Create(x))[3]);
        Assert.Equal(expected, VectorExp.Exp(Vector512.Create(x))[13]);
    }

    [Fact]
    public void What_is_too_large_stays_finite()
    {
        Assert.InRange(VectorExp.Exp(float.PositiveInfinity), 2e38f, float.MaxValue);
        Assert.Equal(VectorExp.Exp(1e9f), VectorExp.Exp(Vector256.Create(float.PositiveInfinity))[0]);
    }
}

using FsCheck;
using FsCheck.Fluent;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

public class LogitMaximumTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(16)]
    [InlineData(1003)]
    public void Lowest_index_wins_a_tie_wherever_it_lies(int length)
    {
        for (var first = 0; first < length; first += Math.Max(1, length / 9))
        {
            var values = Enumerable.Repeat(-1f, length).ToArray();
            values[first] = values[^1] = 3;

            Assert.Equal(first, LogitMaximum.IndexOf(values));
        }
    }

    [Theory]
    [InlineData(5)]
    [InlineData(40)]
    public void Nan_is_never_overlooked(int length)
    {
        for (var i = 0; i < length; i++)
        {
            var values = new float[length];
            values[i] = float.NaN;

            Assert.Equal(-1, LogitMaximum.IndexOf(values));
            Assert.True(float.IsNaN(LogitMaximum.Find(values)));
        }
    }

    [Fact]
    public void Vectorized_equals_scalar() =>
        Prop.ForAll(
            ArbMap.Default.ArbFor<float[]>(),
            values => LogitMaximum.Find(values).Equals(LogitMaximum.FindScalar(values))).QuickCheckThrowOnFailure();

    [Fact]
    public void Zeros_of_both_signs_tie() => Assert.Equal(0, LogitMaximum.IndexOf([-0f, 0f, -1f, 0f, -0f, -3f, -4f, -5f, 0f]));
}

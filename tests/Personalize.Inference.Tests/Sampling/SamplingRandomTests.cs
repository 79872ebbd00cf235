using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

public class SamplingRandomTests
{
    // SplitMix64 from 0 gives the state E220A8397B1DCDAF 6E789E6AA1B965F4 06C45D188009454F F88BB8A8724C81EC, as published with it; xoshiro256** on that state, worked out in Python.
    [Fact]
    public void Numbers_equal_the_published_algorithm()
    {
        var random = new SamplingRandom(0);

        Assert.Equal(
            [0x99EC5F36CB75F2B4, 0xBF6E1F784956452A, 0x1A5F849D4933E6E0, 0x6AA594F1262D2D2C, 0xBBA5AD4A1F842E59],
            Enumerable.Range(0, 5).Select(_ => random.NextUInt64()));
    }

    [Fact]
    public void Doubles_lie_in_the_unit_interval_and_average_to_a_half()
    {
        var random = new SamplingRandom(3);
        var values = Enumerable.Range(0, 10_000).Select(_ => random.NextDouble()).ToArray();

        Assert.All(values, value => Assert.InRange(value, 0, 1 - double.Epsilon));
        Assert.InRange(values.Average(), 0.49, 0.51);
    }

    [Fact]
    public void Seeds_give_their_own_sequences() =>
        Assert.NotEqual(new SamplingRandom(1).NextUInt64(), new SamplingRandom(2).NextUInt64());
}

using Personalize.Training.Privacy;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Privacy;

public sealed class GaussianNoiseTests
{
    private const int Count = 400_001;

    /// <summary>Five standard errors of the mean, and more than that of the moments.</summary>
    private const double MomentTolerance = 0.02;

    [Fact]
    public void Noise_has_the_moments_and_tails_of_a_normal_distribution()
    {
        var values = new float[Count];
        new GaussianNoise(new SeededRandomSource(1)).Add(values, deviation: 3, scale: 1);
        var normal = values.Select(v => v / 3d).ToArray();

        Assert.Equal(0, normal.Average(), MomentTolerance);
        Assert.Equal(1, normal.Average(v => v * v), MomentTolerance);
        Assert.Equal(0, normal.Average(v => v * v * v), 2 * MomentTolerance);
        Assert.Equal(3, normal.Average(v => v * v * v * v), 5 * MomentTolerance);
        Assert.Equal(0.0455, normal.Count(v => Math.Abs(v) > 2) / (double)Count, MomentTolerance / 10);
        Assert.Equal(0, normal.Zip(normal.Skip(1)).Average(p => p.First * p.Second), MomentTolerance);
    }

    [Fact]
    public void Noise_is_added_and_the_sum_scaled()
    {
        var noise = new float[7];
        var values = Enumerable.Range(1, 7).Select(i => (float)i).ToArray();
        new GaussianNoise(new SeededRandomSource(2)).Add(noise, 0.5, 1);
        new GaussianNoise(new SeededRandomSource(2)).Add(values, 0.5, 0.25);
        Assert.Equal(noise.Select((n, i) => (i + 1 + n) / 4), values, (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.DoesNotContain(0, noise);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.75)]
    public void Sampling_takes_each_by_its_own_draw(double probability)
    {
        const int Rounds = 20_000;
        var taken = new int[5];
        var sizes = new List<int>();
        var noise = new GaussianNoise(new SeededRandomSource(3));
        for (var round = 0; round < Rounds; round++)
        {
            var size = 0;
            noise.Sample(taken.Length, probability, i =>
            {
                taken[i]++;
                size++;
            });
            sizes.Add(size);
        }

        Assert.All(taken, count => Assert.Equal(probability, count / (double)Rounds, MomentTolerance));
        var mean = sizes.Average();
        Assert.Equal(5 * probability * (1 - probability), sizes.Average(s => (s - mean) * (s - mean)), 2 * MomentTolerance);
    }

    [Fact]
    public void Certain_examples_are_always_taken()
    {
        var taken = new List<int>();
        new GaussianNoise(new SeededRandomSource(4)).Sample(4, 1, taken.Add);
        Assert.Equal([0, 1, 2, 3], taken);
    }

    [Fact]
    public void The_cryptographic_source_does_not_repeat_itself()
    {
        float[] one = new float[64], two = new float[64];
        new GaussianNoise(new CryptographicRandomSource()).Add(one, 1, 1);
        new GaussianNoise(new CryptographicRandomSource()).Add(two, 1, 1);
        Assert.NotEqual(one, two);
    }
}

using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

public class SamplerChiSquareTests
{
    private const int Draws = 20_000;

    // The 99.9 % quantile of chi-square with 5 degrees of freedom; the seed is fixed, so the outcome is too.
    private const double Quantile = 20.52;

    [Fact]
    public void Draws_follow_the_distribution()
    {
        float[] probabilities = [0.05f, 0.3f, 0.1f, 0.25f, 0.02f, 0.28f];
        var logits = probabilities.Select(probability => MathF.Log(probability)).ToArray();
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = 2024 }, logits.Length);
        var counts = new int[logits.Length];

        for (var i = 0; i < Draws; i++)
        {
            counts[sampler.Sample(logits, [])]++;
        }

        var chiSquare = counts.Select((count, i) => Math.Pow(count - (Draws * probabilities[i]), 2) / (Draws * probabilities[i])).Sum();
        Assert.InRange(chiSquare, 0, Quantile);
    }

    [Fact]
    public void Draws_after_filters_follow_what_is_left()
    {
        float[] probabilities = [0.05f, 0.3f, 0.1f, 0.25f, 0.02f, 0.28f];
        var logits = probabilities.Select(probability => MathF.Log(probability)).ToArray();
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopK = 3, Seed = 7 }, logits.Length);
        var counts = new int[logits.Length];

        for (var i = 0; i < Draws; i++)
        {
            counts[sampler.Sample(logits, [])]++;
        }

        int[] kept = [1, 3, 5];
        Assert.Equal(Draws, kept.Sum(i => counts[i]));
        var chiSquare = kept.Select(i => Math.Pow(counts[i] - (Draws * probabilities[i] / 0.83), 2) / (Draws * probabilities[i] / 0.83)).Sum();
        Assert.InRange(chiSquare, 0, Quantile);
    }
}

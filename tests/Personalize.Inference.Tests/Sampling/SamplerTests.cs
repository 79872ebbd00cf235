using Personalize.Core.Errors;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

/// <summary>Distributions worked by hand: the logits are logarithms of 8, 4, 2, 1, 1 parts of 16, in another order.</summary>
public class SamplerTests
{
    private const double Tolerance = 1e-6;
    private static readonly float[] Logits = [MathF.Log(2), MathF.Log(8), MathF.Log(1), MathF.Log(4), MathF.Log(1)];

    [Fact]
    public void Without_filters_it_is_the_softmax() =>
        AssertDistribution(new SamplingOptions { Temperature = 1 }, [], (0, 2 / 16.0), (1, 8 / 16.0), (2, 1 / 16.0), (3, 4 / 16.0), (4, 1 / 16.0));

    [Fact]
    public void Temperature_half_squares_the_parts() =>
        AssertDistribution(new SamplingOptions { Temperature = 0.5f }, [], (0, 4 / 86.0), (1, 64 / 86.0), (2, 1 / 86.0), (3, 16 / 86.0), (4, 1 / 86.0));

    [Fact]
    public void Top_k_keeps_the_k_most_probable_in_order() =>
        AssertDistribution(new SamplingOptions { Temperature = 1, TopK = 3 }, [], (1, 8 / 14.0), (3, 4 / 14.0), (0, 2 / 14.0));

    [Fact]
    public void Top_k_takes_the_lower_id_at_a_tie() =>
        AssertDistribution(new SamplingOptions { Temperature = 1, TopK = 4 }, [], (1, 8 / 15.0), (3, 4 / 15.0), (0, 2 / 15.0), (2, 1 / 15.0));

    [Theory]
    [InlineData(0.499f, 1)]
    [InlineData(0.51f, 2)]
    [InlineData(0.749f, 2)]
    [InlineData(0.76f, 3)]
    [InlineData(0.99f, 5)]
    [InlineData(0.0001f, 1)]
    public void Top_p_keeps_the_shortest_prefix_that_reaches_it(float topP, int expected) =>
        Assert.Equal(expected, new Sampler(new SamplingOptions { Temperature = 1, TopP = topP }, Logits.Length).Filter(Logits, []).Tokens.Length);

    [Fact]
    public void Top_p_counts_within_what_top_k_left() =>
        // After top-k 3 the largest has 8/14 = 0.571 and the first two 0.857.
        AssertDistribution(new SamplingOptions { Temperature = 1, TopK = 3, TopP = 0.8f }, [], (1, 8 / 12.0), (3, 4 / 12.0));

    [Fact]
    public void Min_p_compares_with_the_most_probable() =>
        AssertDistribution(new SamplingOptions { Temperature = 1, MinP = 0.2f }, [], (0, 2 / 14.0), (1, 8 / 14.0), (3, 4 / 14.0));

    [Fact]
    public void Min_p_applies_after_top_p() =>
        AssertDistribution(new SamplingOptions { Temperature = 1, TopP = 0.8f, MinP = 0.3f }, [], (1, 8 / 12.0), (3, 4 / 12.0));

    [Fact]
    public void Penalty_halves_positive_logits_doubles_negative_ones_once_a_token()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, RepetitionPenalty = 2, RepetitionWindow = 3 }, 3);

        // Token 2 lies before the window; token 0 stands in it twice.
        var distribution = sampler.Filter([2f, -1f, 2f], [2, 0, 1, 0]);

        var sum = Math.Exp(1) + Math.Exp(-2) + Math.Exp(2);
        Assert.Equal(Math.Exp(1) / sum, distribution.ProbabilityOf(0), Tolerance);
        Assert.Equal(Math.Exp(-2) / sum, distribution.ProbabilityOf(1), Tolerance);
        Assert.Equal(Math.Exp(2) / sum, distribution.ProbabilityOf(2), Tolerance);
    }

    [Fact]
    public void Greedy_is_a_point_mass_that_the_penalty_can_move()
    {
        var plain = new Sampler(SamplingOptions.Greedy, Logits.Length);
        var penalized = new Sampler(new SamplingOptions { RepetitionPenalty = 3 }, Logits.Length);

        Assert.Equal(1, plain.Sample(Logits, [1]));
        Assert.Equal(1f, plain.Filter(Logits, [1]).ProbabilityOf(1));
        Assert.Equal(1, plain.Filter(Logits, [1]).Tokens.Length);
        Assert.Equal(3, penalized.Sample(Logits, [1]));
        Assert.Equal(1f, penalized.Filter(Logits, [1]).ProbabilityOf(3));
    }

    [Fact]
    public void A_tiny_temperature_is_greedy_in_effect()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = float.Epsilon }, Logits.Length);

        Assert.Equal(1f, sampler.Filter(Logits, []).ProbabilityOf(1));
    }

    [Fact]
    public void Masked_tokens_are_never_drawn()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 5, Seed = 1 }, 3);

        for (var i = 0; i < 200; i++)
        {
            Assert.NotEqual(1, sampler.Sample([0f, float.NegativeInfinity, 0f], []));
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Broken_logits_are_refused(float broken)
    {
        foreach (var options in new[] { SamplingOptions.Greedy, new SamplingOptions { Temperature = 1 }, new SamplingOptions { Temperature = 1, TopK = 2 } })
        {
            var error = Assert.Throws<NonFiniteLogitsException>(() => new Sampler(options, 3).Sample([0f, broken, 1f], [0, 1]));
            Assert.Equal(2, error.Position);
        }
    }

    [Fact]
    public void The_number_of_logits_is_checked() =>
        Assert.Throws<ArgumentException>(() => new Sampler(SamplingOptions.Greedy, 3).Sample([1f], []));

    [Fact]
    public void The_same_seed_draws_the_same_tokens()
    {
        int[] Draw(ulong seed)
        {
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = seed }, Logits.Length);
            return [.. Enumerable.Range(0, 100).Select(_ => sampler.Sample(Logits, []))];
        }

        Assert.Equal(Draw(5), Draw(5));
        Assert.NotEqual(Draw(5), Draw(6));
    }

    [Fact]
    public void Sampling_allocates_nothing_once_warm()
    {
        var logits = Enumerable.Range(0, 5000).Select(i => MathF.Sin(i) * 5).ToArray();
        int[] history = [1, 2, 3];
        SamplingOptions[] all =
        [
            SamplingOptions.Greedy,
            new() { Temperature = 1 },
            new() { Temperature = 1, TopK = 40, RepetitionPenalty = 1.1f },
            new() { Temperature = 1, TopP = 0.9f },
            new() { Temperature = 1, MinP = 0.1f },
        ];
        foreach (var options in all)
        {
            var sampler = new Sampler(options, logits.Length);
            sampler.Sample(logits, history);

            // What the runtime prepares once, when it compiles a method again, falls into one of the rounds.
            var least = long.MaxValue;
            for (var round = 0; round < 3; round++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 20; i++)
                {
                    sampler.Sample(logits, history);
                }

                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            Assert.Equal(0, least);
        }
    }

    private static void AssertDistribution(SamplingOptions options, int[] history, params (int Token, double Probability)[] expected)
    {
        var distribution = new Sampler(options, Logits.Length).Filter(Logits, history);

        Assert.Equal(expected.Select(pair => pair.Token), distribution.Tokens.ToArray());
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i].Probability, distribution.Probabilities[i], Tolerance);
        }
    }
}

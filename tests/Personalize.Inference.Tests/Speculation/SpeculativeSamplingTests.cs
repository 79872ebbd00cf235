using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>That drafts drawn from another distribution leave the text's distribution as it is (arXiv 2211.17192, appendix A.1).</summary>
public sealed class SpeculativeSamplingTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private const int Draws = 20_000;

    // Cells that are expected less often than this are put together: chi-square needs counts that are not tiny.
    private const double SmallestCell = 8;

    // The normal deviate of the 99.9 % quantile; the seeds are fixed, so the outcome is too.
    private const double Deviate = 3.09;

    [Fact]
    public void A_drafted_token_is_kept_with_p_over_q_and_replaced_from_the_rest()
    {
        // p = (.5 .3 .2), q = (.2 .7 .1): accepted .2 + .3 + .1 = .6; the rest is (.3 0 .1).
        float[] p = [0.5f, 0.3f, 0.2f];
        float[] q = [0.2f, 0.7f, 0.1f];
        var logits = p.Select(probability => MathF.Log(probability)).ToArray();
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = 5 }, p.Length);
        var drafts = new Random(6);
        var counts = new int[3];
        var kept = 0;
        for (var i = 0; i < Draws; i++)
        {
            var u = drafts.NextDouble();
            var drafted = u < 0.2 ? 0 : u < 0.9 ? 1 : 2;
            var token = sampler.SampleAgainst(logits, [], drafted, q);
            counts[token]++;
            kept += token == drafted ? 1 : 0;

            // What is more probable than its draft is never refused; what was refused is never drawn after all.
            Assert.True(drafted == 1 || token == drafted);
        }

        AssertFollows(counts, [.. p.Select(probability => probability * (double)Draws)]);
        Assert.InRange(kept, (0.6 * Draws) - 300, (0.6 * Draws) + 300);
    }

    [Fact]
    public void A_token_that_a_filter_removed_is_never_kept()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, TopK = 1 }, 3);

        Assert.Equal(2, sampler.SampleAgainst([0, 1, 2], [], drafted: 0, [1, 0, 0]));
    }

    [Fact]
    public void Where_p_equals_q_but_for_rounding_there_is_still_a_token()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1 }, 2);

        // Nothing of p is left after q: any token of p will do.
        Assert.InRange(sampler.SampleAgainst([0, 0], [], drafted: 0, [1e9f, 1e9f]), 0, 1);
    }

    [Fact]
    public void The_first_two_tokens_are_distributed_as_without_speculation()
    {
        int[] prompt = [5, 17, 3, 99, 42];
        var sampling = new SamplingOptions { Temperature = 0.7f, TopK = 12, TopP = 0.9f };
        var tokenizer = new PlainTokenizer(fixture.VocabularySize);
        var expected = PairProbabilities(prompt, sampling);
        var counts = new Dictionary<(int, int), int>();
        using var session = fixture.Open(16);
        using var draftSession = fixture.Open(16);

        // The draft model is right sometimes and wrong sometimes.
        var drafter = new ModelDrafter(new BiasedSession(draftSession), tokenizer, tokenizer, 0);
        var generator = new TextGenerator(session, tokenizer, TimeProvider.System, drafter);
        var drafted = 0;
        var accepted = 0;
        for (var seed = 0; seed < Draws; seed++)
        {
            var seeded = new SamplingOptions { Temperature = sampling.Temperature, TopK = sampling.TopK, TopP = sampling.TopP, Seed = (ulong)seed };
            var result = generator.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = 3, Sampling = seeded }).RunToEnd();
            var pair = (result.Ids[0], result.Ids[1]);
            counts[pair] = counts.GetValueOrDefault(pair) + 1;
            drafted += result.DraftedTokens;
            accepted += result.AcceptedTokens;
        }

        Assert.InRange(accepted, drafted / 20, drafted * 19 / 20);
        Assert.InRange(drafted, Draws / 2, 2 * Draws);
        Assert.All(counts.Keys, pair => Assert.Contains(pair, expected.Keys));
        var pairs = expected.Keys.ToArray();
        AssertFollows([.. pairs.Select(pair => counts.GetValueOrDefault(pair))], [.. pairs.Select(pair => expected[pair] * Draws)]);
    }

    private static void AssertFollows(int[] counts, double[] expected)
    {
        double chiSquare = 0;
        double restExpected = 0;
        var rest = 0;
        var cells = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            if (expected[i] < SmallestCell)
            {
                restExpected += expected[i];
                rest += counts[i];
                continue;
            }

            chiSquare += Math.Pow(counts[i] - expected[i], 2) / expected[i];
            cells++;
        }

        if (restExpected >= SmallestCell)
        {
            chiSquare += Math.Pow(rest - restExpected, 2) / restExpected;
            cells++;
        }

        // Wilson and Hilferty: the cube root of chi-square over its degrees of freedom is nearly normal.
        double freedom = cells - 1;
        var limit = freedom * Math.Pow(1 - (2 / (9 * freedom)) + (Deviate * Math.Sqrt(2 / (9 * freedom))), 3);
        Assert.True(chiSquare <= limit, $"chi-square {chiSquare} above {limit} at {freedom} degrees of freedom");
    }

    // Exact, from the plain forward pass and the plain filters.
    private Dictionary<(int First, int Second), double> PairProbabilities(int[] prompt, SamplingOptions sampling)
    {
        var result = new Dictionary<(int, int), double>();
        var sampler = new Sampler(sampling, fixture.VocabularySize);
        using var session = fixture.Open(16);
        session.Prefill(prompt, CancellationToken.None);
        var first = sampler.Filter(session.Logits, prompt);
        foreach (var (token, probability) in first.Tokens.ToArray().Zip(first.Probabilities.ToArray()))
        {
            session.TruncateTo(prompt.Length);
            session.Decode(token);
            var second = sampler.Filter(session.Logits, [.. prompt, token]);
            for (var i = 0; i < second.Tokens.Length; i++)
            {
                result[(token, second.Tokens[i])] = (double)probability * second.Probabilities[i];
            }
        }

        return result;
    }
}

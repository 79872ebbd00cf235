using FsCheck;
using FsCheck.Fluent;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Sampling;

public class SamplerPropertyTests
{
    private const double SumTolerance = 1e-4;
    private const double WeightTolerance = 1e-5;

    private static readonly Gen<float> Logit = Gen.Frequency((8, Gen.Choose(-2000, 2000).Select(value => value / 100f)), (1, Gen.Constant(float.NegativeInfinity)), (1, Gen.Constant(1f)));

    private static readonly Arbitrary<(float[] Logits, SamplingOptions Options)> Cases = (
        from first in Gen.Choose(-5, 5)
        from rest in Logit.ListOf(300)
        from length in Gen.Choose(1, 300)
        from temperature in Gen.Choose(1, 30)
        from topK in Gen.Frequency((1, Gen.Constant(0)), (2, Gen.Choose(1, 320)))
        from topP in Gen.Frequency((1, Gen.Constant(100)), (2, Gen.Choose(1, 100)))
        from minP in Gen.Frequency((1, Gen.Constant(0)), (1, Gen.Choose(0, 100)))
        select (rest.Take(length - 1).Prepend(first).ToArray(), new SamplingOptions { Temperature = temperature / 10f, TopK = topK, TopP = topP / 100f, MinP = minP / 100f }))
        .ToArbitrary();

    [Fact]
    public void Distribution_is_that_of_the_plain_definition() =>
        Prop.ForAll(Cases, test => AgreesWithReference(test.Logits, test.Options)).QuickCheckThrowOnFailure();

    [Fact]
    public void Probabilities_sum_to_one_and_only_kept_tokens_are_drawn() =>
        Prop.ForAll(Cases, test =>
        {
            var sampler = new Sampler(test.Options, test.Logits.Length);
            var distribution = sampler.Filter(test.Logits, []);
            double sum = 0;
            foreach (var probability in distribution.Probabilities)
            {
                sum += probability;
            }

            var first = distribution.Draw(0);
            var last = distribution.Draw(1 - Math.Pow(2, -53));
            return Math.Abs(sum - 1) < SumTolerance && distribution.ProbabilityOf(first) > 0 && distribution.ProbabilityOf(last) > 0;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Top_k_keeps_exactly_k() =>
        Prop.ForAll(Cases, Gen.Choose(1, 300).ToArbitrary(), (test, k) =>
            new Sampler(new SamplingOptions { Temperature = 1, TopK = k }, test.Logits.Length).Filter(test.Logits, []).Tokens.Length == Math.Min(k, test.Logits.Length)).QuickCheckThrowOnFailure();

    private static bool AgreesWithReference(float[] logits, SamplingOptions options)
    {
        var order = Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i]).ThenBy(i => i).ToList();
        if (options.TopK > 0)
        {
            order = [.. order.Take(options.TopK)];
        }

        var weights = logits.Select(logit => Math.Exp((logit - logits.Max()) / (double)options.Temperature)).ToArray();
        var total = order.Sum(i => weights[i]);
        // A sum or a ratio that lies on the limit within rounding may fall either way.
        var kept = 0;
        double sum = 0;
        var loose = 0;
        foreach (var token in order)
        {
            kept += (options.TopP == 1 || sum < (options.TopP - WeightTolerance) * total) && weights[token] >= options.MinP * (1 + WeightTolerance) ? 1 : 0;
            loose += (options.TopP == 1 || sum < (options.TopP + WeightTolerance) * total) && weights[token] >= options.MinP * (1 - WeightTolerance) ? 1 : 0;
            sum += weights[token];
        }

        var distribution = new Sampler(options, logits.Length).Filter(logits, []);
        var tokens = distribution.Tokens.ToArray();
        if (tokens.Length < Math.Max(1, kept) || tokens.Length > Math.Max(1, loose))
        {
            return false;
        }

        var mass = tokens.Sum(token => weights[token]);
        return tokens.All(token => Math.Abs(distribution.ProbabilityOf(token) - (weights[token] / mass)) < WeightTolerance)
            && order.Take(kept).All(tokens.Contains);
    }
}

using Personalize.Inference.Scoring;

namespace Personalize.Inference.Tests.Scoring;

public class LogSumExpTests
{
    private const double Tolerance = 1e-6;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(1003)]
    public void Vectorized_equals_scalar(int length)
    {
        var random = new Random(length);
        var logits = Enumerable.Range(0, length).Select(_ => (random.NextSingle() - 0.5f) * 60).ToArray();

        Assert.Equal(LogSumExp.ComputeScalar(logits), LogSumExp.Compute(logits), Tolerance);
    }

    [Fact]
    public void Equal_logits_give_the_logarithm_of_their_number() => Assert.Equal(500 + Math.Log(100), LogSumExp.Compute(Enumerable.Repeat(500f, 100).ToArray()), Tolerance);

    [Fact]
    public void Masked_logits_do_not_count() =>
        Assert.Equal(Math.Log(2), LogSumExp.Compute([0, float.NegativeInfinity, 0, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity]), Tolerance);

    [Fact]
    public void Nan_is_not_hidden() => Assert.True(double.IsNaN(LogSumExp.Compute([1, float.NaN, 2])));

    [Fact]
    public void Scores_add_up_token_by_token()
    {
        var sum = new SequenceScore(6, 2) + new SequenceScore(3, 1);

        Assert.Equal((9.0, 3, 3.0, Math.Exp(3)), (sum.TotalNll, sum.Tokens, sum.MeanNll, sum.Perplexity));
        Assert.Equal(0, default(SequenceScore).MeanNll);
    }
}

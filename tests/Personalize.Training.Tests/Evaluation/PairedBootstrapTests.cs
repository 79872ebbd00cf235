using Personalize.Training.Evaluation;

namespace Personalize.Training.Tests.Evaluation;

public sealed class PairedBootstrapTests
{
    /// <summary>Half of a 95 % interval, in standard errors.</summary>
    private const double NormalQuantile = 1.96;
    private const double RelativeTolerance = 0.1;

    [Fact]
    public void The_interval_is_that_of_the_normal_approximation_where_that_holds()
    {
        var random = new Random(1);
        var differences = Enumerable.Range(0, 400).Select(_ => -0.5 + random.NextDouble()).ToArray();
        var interval = PairedBootstrap.Compare(Result(differences.Select(_ => (5d, 1))), Result(differences.Select(d => (5 + d, 1))), seed: 7);

        var mean = differences.Average();
        var half = NormalQuantile * Math.Sqrt(differences.Average(d => (d - mean) * (d - mean)) / differences.Length);
        Assert.Equal(mean, interval.Difference, 12);
        Assert.InRange((interval.High - mean) / half, 1 - RelativeTolerance, 1 + RelativeTolerance);
        Assert.InRange((mean - interval.Low) / half, 1 - RelativeTolerance, 1 + RelativeTolerance);
    }

    [Fact]
    public void Examples_weigh_by_their_tokens()
    {
        var interval = PairedBootstrap.Compare(Result([(10, 1), (10, 9)]), Result([(11, 1), (1, 9)]), seed: 1);
        Assert.Equal(-0.8, interval.Difference, 12);
        Assert.Equal((-1d, 1d), (interval.Low, interval.High));
        Assert.False(interval.IsBetter);
    }

    [Fact]
    public void An_even_gain_is_sure_and_an_even_loss_is_no_gain()
    {
        var reference = Result(Enumerable.Range(1, 30).Select(i => ((double)i, i)));
        var better = Result(Enumerable.Range(1, 30).Select(i => (i * 0.9, i)));
        var interval = PairedBootstrap.Compare(reference, better, seed: 3);
        Assert.True(interval.IsBetter);
        Assert.Equal(-0.1, interval.Low, 12);
        Assert.Equal(-0.1, interval.High, 12);
        Assert.False(PairedBootstrap.Compare(better, reference, seed: 3).IsBetter);
        Assert.False(PairedBootstrap.Compare(reference, reference, seed: 3).IsBetter);
    }

    [Fact]
    public void The_seed_decides_the_interval()
    {
        var random = new Random(5);
        var (one, two) = (Result(Enumerable.Range(0, 20).Select(_ => (random.NextDouble(), 2))), Result(Enumerable.Range(0, 20).Select(_ => (random.NextDouble(), 2))));
        Assert.Equal(PairedBootstrap.Compare(one, two, seed: 1, draws: 200), PairedBootstrap.Compare(one, two, seed: 1, draws: 200));
        Assert.NotEqual(PairedBootstrap.Compare(one, two, seed: 1, draws: 200), PairedBootstrap.Compare(one, two, seed: 2, draws: 200));
    }

    [Fact]
    public void Results_that_cannot_be_compared_are_refused()
    {
        Assert.Throws<ArgumentException>(() => PairedBootstrap.Compare(Result([(1, 1), (1, 3)]), Result([(1, 3), (1, 1)]), seed: 1));
        Assert.Throws<ArgumentException>(() => PairedBootstrap.Compare(Result([(1, 1)]), Result([(double.NaN, 1)]), seed: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => PairedBootstrap.Compare(Result([(1, 1)]), Result([(1, 1)]), seed: 1, draws: 99));
        Assert.Equal(new BootstrapInterval(0, 0, 0), PairedBootstrap.Compare(Result([(0, 0)]), Result([(0, 0)]), seed: 1));
    }

    private static EvaluationResult Result(IEnumerable<(double Nll, int Tokens)> losses) => new([.. losses.Select(l => new ExampleLoss(l.Nll, l.Tokens))]);
}

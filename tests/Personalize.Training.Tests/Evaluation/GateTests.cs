using Personalize.Training.Evaluation;

namespace Personalize.Training.Tests.Evaluation;

public sealed class GateTests
{
    private const int Tokens = 10;

    [Theory]
    [InlineData(4.0, 3.0, null, GateOutcome.Promoted)]
    [InlineData(4.0, 4.0, null, GateOutcome.NotBelowBase)]
    [InlineData(4.0, 5.0, null, GateOutcome.NotBelowBase)]
    [InlineData(4.0, 3.0, 3.5, GateOutcome.Promoted)]
    [InlineData(4.0, 3.0, 3.0, GateOutcome.NotBelowIncumbent)]
    [InlineData(4.0, 3.0, 2.5, GateOutcome.NotBelowIncumbent)]
    [InlineData(4.0, 5.0, 2.5, GateOutcome.NotBelowBase)]
    [InlineData(4.0, double.NaN, null, GateOutcome.NotFinite)]
    [InlineData(double.PositiveInfinity, 3.0, null, GateOutcome.NotFinite)]
    [InlineData(4.0, 3.0, double.NaN, GateOutcome.Promoted)]
    public void Only_a_lower_loss_than_the_base_and_the_incumbent_passes(double baseNll, double adapterNll, double? incumbentNll, GateOutcome expected)
    {
        var decision = Gate.Decide(Result(baseNll), Result(adapterNll), incumbentNll is { } nll ? Result(nll) : null);
        Assert.Equal(expected, decision.Outcome);
        Assert.Equal(expected == GateOutcome.Promoted, decision.IsPromoted);
        Assert.Equal(baseNll, decision.BaseNll);
        Assert.Equal(adapterNll, decision.AdapterNll);
        Assert.Equal(incumbentNll, decision.IncumbentNll);
        Assert.Equal(Tokens, decision.Tokens);
    }

    [Fact]
    public void The_gain_is_in_percent_of_the_base() => Assert.Equal(25, Gate.Decide(Result(4), Result(3)).GainPercent);

    [Fact]
    public void Nothing_passes_where_there_is_nothing_to_judge_by()
    {
        var empty = new EvaluationResult([new ExampleLoss(0, 0)]);
        Assert.Equal(0, empty.MeanNll);
        Assert.Equal(GateOutcome.NothingToJudge, Gate.Decide(empty, empty).Outcome);
    }

    [Fact]
    public void Results_about_different_examples_are_refused()
    {
        var other = new EvaluationResult([new ExampleLoss(3, Tokens), new ExampleLoss(3, Tokens)]);
        Assert.Throws<ArgumentException>(() => Gate.Decide(Result(4), other));
        Assert.Throws<ArgumentException>(() => Gate.Decide(Result(4), Result(3), other));
    }

    private static EvaluationResult Result(double mean) => new([new ExampleLoss(mean * 4, 4), new ExampleLoss(mean * 6, 6)]);
}

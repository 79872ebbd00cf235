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

    [Fact]
    public void An_advantage_that_may_be_chance_is_not_enough()
    {
        // Nine texts become better by a little, one gets much worse: the mean falls, and half of all draws would say otherwise.
        var before = new EvaluationResult([.. Enumerable.Repeat(new ExampleLoss(4, 1), 10)]);
        var after = new EvaluationResult([.. Enumerable.Repeat(new ExampleLoss(3.4, 1), 9), new ExampleLoss(9, 1)]);
        var decision = Gate.Decide(before, after);
        Assert.Equal(GateOutcome.WithinChanceOfBase, decision.Outcome);
        Assert.True(decision.AgainstBase is { Difference: < 0, High: > 0 });
        Assert.Equal(GateOutcome.Promoted, Gate.Decide(before, after, options: new GateOptions { RequireCertainty = false }).Outcome);

        var worse = new EvaluationResult([.. Enumerable.Repeat(new ExampleLoss(8, 1), 10)]);
        Assert.Equal(GateOutcome.WithinChanceOfIncumbent, Gate.Decide(worse, after, before).Outcome);
        Assert.Equal(decision.AgainstBase, Gate.Decide(worse, after, before).AgainstIncumbent);
    }

    [Theory]
    [InlineData(0.019, GateOutcome.Promoted)]
    [InlineData(0.021, GateOutcome.GeneralAbilityLost)]
    [InlineData(-0.5, GateOutcome.Promoted)]
    [InlineData(double.NaN, GateOutcome.GeneralAbilityLost)]
    public void Forgetting_surely_more_than_is_allowed_shuts_the_gate(double leastFall, GateOutcome expected)
    {
        var decision = Gate.Decide(Result(4), Result(3), general: new GeneralChange(0.8, 0.7, leastFall));
        Assert.Equal(expected, decision.Outcome);
        Assert.Equal(0.125, decision.General!.Fall, 12);
        Assert.NotEmpty(decision.Explain());
    }

    [Theory]
    [InlineData(5.9, GateOutcome.Promoted)]
    [InlineData(7.0, GateOutcome.SecretLearnt)]
    public void A_secret_learnt_by_heart_shuts_the_gate(double bits, GateOutcome expected)
    {
        var decision = Gate.Decide(Result(4), Result(3), canary: new CanaryCheck(1, bits, 1));
        Assert.Equal(expected, decision.Outcome);
        Assert.NotEmpty(decision.Explain());
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Gate.Decide(Result(4), Result(3), options: new GateOptions { Draws = 5 }));
        Assert.Throws<ArgumentException>(() => Gate.Decide(Result(4), Result(3), options: new GateOptions { MaximumGeneralFall = double.NaN }));
        Assert.Throws<ArgumentException>(() => Gate.Decide(Result(4), Result(3), options: new GateOptions { Canaries = -1 }));
    }

    private static EvaluationResult Result(double mean) => new([new ExampleLoss(mean * 4, 4), new ExampleLoss(mean * 6, 6)]);
}

using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

public class SpeculationGovernorTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void The_draft_has_the_length_of_the_largest_expected_gain()
    {
        var governor = new SpeculationGovernor(4, draftCost: 0);
        governor.Begin(byCountsAlone: true);

        // Assumed: right with 0.7, 0.7, 0.84, 0.84, and 0.25 a further token. (1 + .7) / 1.25 = 1.36, 2.19 / 1.5 = 1.46, 2.60 / 1.75 = 1.487, 2.95 / 2 = 1.474.
        Assert.Equal(3, Cut(governor, matchLength: 2, count: 4));

        // Right with 0.2, then with 0.7, 0.7 and 0.84: 1.2 / 1.25, 1.34 / 1.5, 1.44 / 1.75, 1.52 / 2 are below 1.
        Assert.Equal(0, Cut(governor, matchLength: 1, count: 4));
    }

    [Fact]
    public void Drafts_grow_and_shrink_with_what_was_accepted()
    {
        var governor = new SpeculationGovernor(15, draftCost: 0);
        governor.Begin(byCountsAlone: true);
        var before = Cut(governor, 8, 15);
        for (var i = 0; i < 60; i++)
        {
            Verify(governor, 8, drafted: 8, accepted: 8, Step);
        }

        var after = Cut(governor, 8, 15);
        Assert.True(after > before, $"{before} tokens before, {after} after");
        for (var i = 0; i < 120; i++)
        {
            Verify(governor, 8, drafted: 8, accepted: 0, Step);
        }

        Assert.Equal(0, Cut(governor, 8, 15));

        // Another kind of evidence is judged by itself.
        Assert.True(Cut(governor, 40, 15) > 0);
    }

    [Fact]
    public void A_length_that_was_not_measured_costs_what_lies_between_those_that_were()
    {
        var costs = new StepCosts(16);
        costs.Record(1, Step);
        for (var i = 0; i < 200; i++)
        {
            costs.Record(4, Step * 1.4);
            costs.Record(8, Step * 2.6);
        }

        Assert.Equal(1.4, costs.Of(4), 3);
        Assert.Equal(1 + (0.4 / 3), costs.Of(2), 3);
        Assert.Equal(2.0, costs.Of(6), 3);
        Assert.Equal(2.6 + 0.5, costs.Of(10), 3);
        Assert.Equal(StepCosts.Assumed(2), new StepCosts(16).Of(2));
    }

    [Fact]
    public void One_pass_that_was_interrupted_does_not_make_its_length_dear()
    {
        var costs = new StepCosts(16);
        costs.Record(1, Step);
        costs.Record(2, Step * 100);

        Assert.InRange(costs.Of(2), 1.25, 1.6);
    }

    [Fact]
    public void Measured_times_take_the_place_of_assumed_ones()
    {
        var cheap = Measured(passTime: 1.1);
        var dear = Measured(passTime: 6);

        Assert.Equal(4, Cut(cheap, 40, 4));
        Assert.Equal(0, Cut(dear, 40, 4));

        static SpeculationGovernor Measured(double passTime)
        {
            var governor = new SpeculationGovernor(4, draftCost: 0);
            governor.Begin(byCountsAlone: false);
            governor.RecordPlain(wasDraftWanted: false, TimeSpan.Zero, Step);
            for (var i = 0; i < 100; i++)
            {
                governor.Begin(byCountsAlone: false);
                for (var drafted = 1; drafted <= 4; drafted++)
                {
                    Verify(governor, 40, drafted, drafted - 1, Step * passTime);
                }
            }

            return governor;
        }
    }

    [Fact]
    public void Speculation_that_does_not_pay_ends_for_the_text_and_is_tried_in_the_next()
    {
        var governor = new SpeculationGovernor(4, draftCost: 0);
        governor.Begin(byCountsAlone: false);
        governor.RecordPlain(wasDraftWanted: true, TimeSpan.Zero, Step);
        for (var i = 0; i < 11; i++)
        {
            Verify(governor, 4, drafted: 2, accepted: 0, Step * 2);
            Assert.False(governor.IsOff);
        }

        Verify(governor, 4, drafted: 2, accepted: 0, Step * 2);
        Assert.True(governor.IsOff);
        Assert.Equal(0, governor.Allow(10));

        governor.Begin(byCountsAlone: false);
        Assert.False(governor.IsOff);
        Assert.Equal(4, governor.Allow(10));
    }

    [Fact]
    public void What_a_draft_model_costs_counts()
    {
        // Assumed right with 0.6: 1.6 / (1.45 + cost).
        var free = new SpeculationGovernor(4, draftCost: 0.01);
        var dear = new SpeculationGovernor(4, draftCost: 0.9);
        free.Begin(byCountsAlone: true);
        dear.Begin(byCountsAlone: true);

        Assert.True(free.Allow(10) > 0);
        Assert.Equal(0, dear.Allow(10));
    }

    [Fact]
    public void What_is_declined_is_probed_now_and_then()
    {
        var governor = new SpeculationGovernor(4, draftCost: 0);
        governor.Begin(byCountsAlone: true);

        var lengths = Enumerable.Range(0, 48).Select(_ => Cut(governor, matchLength: 1, count: 4)).ToArray();

        Assert.Equal([23, 47], Enumerable.Range(0, 48).Where(i => lengths[i] > 0));
        Assert.All(lengths, length => Assert.InRange(length, 0, 2));
    }

    [Fact]
    public void A_plain_step_is_measured_now_and_then()
    {
        var governor = new SpeculationGovernor(4, draftCost: 0);
        governor.Begin(byCountsAlone: false);
        for (var i = 0; i < 24; i++)
        {
            Assert.Equal(4, governor.Allow(10));
            Verify(governor, 40, 4, 4, Step);
        }

        Assert.Equal(0, governor.Allow(10));
        governor.RecordPlain(wasDraftWanted: false, TimeSpan.Zero, Step);
        Assert.Equal(4, governor.Allow(10));
    }

    [Fact]
    public void No_more_is_drafted_than_there_is_use_for()
    {
        var governor = new SpeculationGovernor(4, draftCost: 0);
        governor.Begin(byCountsAlone: true);

        Assert.Equal(3, governor.Allow(3));
        Assert.Equal(0, governor.Allow(0));
        Assert.Equal(0, governor.Allow(-1));
    }

    private static int Cut(SpeculationGovernor governor, int matchLength, int count)
    {
        var draft = Draft(matchLength, count);
        governor.Cut(draft);
        return draft.Count;
    }

    private static void Verify(SpeculationGovernor governor, int matchLength, int drafted, int accepted, TimeSpan time) =>
        governor.RecordVerified(Draft(matchLength, drafted), accepted, TimeSpan.Zero, time);

    private static Draft Draft(int matchLength, int count)
    {
        var draft = new Draft(15, 100) { Origin = DraftOrigin.Text, MatchLength = matchLength };
        for (var i = 0; i < count; i++)
        {
            draft.Add(i);
        }

        return draft;
    }
}

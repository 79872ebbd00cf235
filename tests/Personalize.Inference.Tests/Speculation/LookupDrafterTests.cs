using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

public class LookupDrafterTests
{
    [Fact]
    public void The_longest_earlier_match_is_copied()
    {
        // The end 3 4 stood twice before; at the earlier place the 2 before it agrees too.
        int[] text = [2, 3, 4, 50, 51, 9, 3, 4, 60, 61, 2, 3, 4];

        var draft = Propose(text, limit: 3);

        Assert.Equal([50, 51, 9], draft.Tokens.ToArray());
        Assert.Equal(3, draft.MatchLength);
        Assert.Equal(DraftOrigin.Text, draft.Origin);
        Assert.False(draft.HasProbabilities);
    }

    [Fact]
    public void Of_matches_of_one_length_the_latest_is_copied() =>
        Assert.Equal([60, 61], Propose([1, 3, 4, 50, 8, 3, 4, 60, 61, 2, 3, 4], limit: 2).Tokens.ToArray());

    [Fact]
    public void A_copy_that_reaches_the_end_repeats_itself() =>
        Assert.Equal([7, 8, 9, 7, 8, 9, 7], Propose([7, 8, 9, 7, 8, 9], limit: 7).Tokens.ToArray());

    [Fact]
    public void Fewer_tokens_than_the_shortest_match_are_no_evidence()
    {
        Assert.Equal(0, Propose([1, 2, 3, 9, 3], limit: 4).Count);
        Assert.Equal(0, Propose([1, 2, 3, 4], limit: 4).Count);
        Assert.Equal(0, Propose([5], limit: 4).Count);
        Assert.Equal([9, 3], Propose([1, 2, 3, 9, 3], limit: 2, shortest: 1).Tokens.ToArray());
    }

    [Fact]
    public void Another_text_leaves_nothing_of_the_one_before()
    {
        var drafter = new LookupDrafter();
        var draft = new Draft(4, 100);
        drafter.Propose([1, 2, 3, 4, 1, 2], draft);
        Assert.Equal([3, 4, 1, 2], draft.Tokens.ToArray());

        draft.Clear(4);
        drafter.Propose([1, 2, 9, 9, 5, 3, 4, 8, 1, 2], draft);
        Assert.Equal([9, 9, 5, 3], draft.Tokens.ToArray());

        draft.Clear(4);
        drafter.Propose([7, 8], draft);
        Assert.Equal(0, draft.Count);
    }

    [Fact]
    public void A_text_that_grows_past_the_first_room_is_still_found()
    {
        var drafter = new LookupDrafter();
        var draft = new Draft(2, 10_000);
        var text = Enumerable.Range(0, 5_000).ToList();
        for (var length = 900; length < text.Count; length += 1_000)
        {
            draft.Clear(2);
            drafter.Propose([.. text[..length]], draft);
            Assert.Equal(0, draft.Count);
        }

        draft.Clear(2);
        drafter.Propose([.. text, 3, 4, 5], draft);
        Assert.Equal([6, 7], draft.Tokens.ToArray());
        Assert.Equal(3, draft.MatchLength);
    }

    private static Draft Propose(int[] text, int limit, int shortest = LookupDrafter.DefaultShortestMatch)
    {
        var draft = new Draft(8, 100);
        draft.Clear(limit);
        var drafter = new LookupDrafter(shortest);
        drafter.Begin(SamplingOptions.Greedy, 100);
        drafter.Propose(text, draft);
        return draft;
    }
}

using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

public class HistoryDrafterTests
{
    [Fact]
    public void The_most_frequent_continuation_is_followed_until_the_texts_end()
    {
        var drafter = new HistoryDrafter();
        drafter.Add([1, 2, 3, 4, 5, 20, 21, 22]);
        drafter.Add([1, 2, 3, 4, 5, 20, 21, 23]);
        drafter.Add([1, 2, 3, 4, 5, 20, 21, 23]);
        drafter.Add([1, 2, 3, 4, 5, 30, 31, 32]);

        var draft = Propose(drafter, [90, 1, 2, 3, 4, 5]);

        Assert.Equal([20, 21, 23], draft.Tokens.ToArray());
        Assert.Equal(DraftOrigin.History, draft.Origin);
        Assert.Equal(5, draft.MatchLength);

        // Three of four places go on with 20, all of these with 21 and two of three with 23; each token lengthens the match.
        Assert.Equal(
            [AcceptanceEstimates.KindOf(DraftOrigin.History, 5, 3, 4), AcceptanceEstimates.KindOf(DraftOrigin.History, 6, 3, 3), AcceptanceEstimates.KindOf(DraftOrigin.History, 7, 2, 3)],
            Enumerable.Range(0, 3).Select(draft.KindOf));
    }

    [Fact]
    public void The_longest_sequence_that_occurs_decides()
    {
        var drafter = new HistoryDrafter();
        drafter.Add([9, 1, 2, 3, 4, 5, 40]);
        for (var i = 0; i < 9; i++)
        {
            drafter.Add([8, 1, 2, 3, 4, 5, 50, 51, 52, 53]);
        }

        Assert.Equal([40], Propose(drafter, [9, 1, 2, 3, 4, 5]).Tokens.ToArray());
        Assert.Equal([50, 51, 52, 53], Propose(drafter, [7, 1, 2, 3, 4, 5]).Tokens.ToArray());
    }

    [Fact]
    public void Two_tokens_are_evidence_and_one_is_not()
    {
        var drafter = new HistoryDrafter();
        drafter.Add([.. Enumerable.Range(1, 60)]);

        Assert.Equal(Enumerable.Range(6, 30), Propose(drafter, [4, 5], limit: 30).Tokens.ToArray());
        Assert.Equal(0, Propose(drafter, [9, 5], limit: 30).Count);
        Assert.Equal(0, Propose(drafter, [4, 3, 2, 1, 7, 7], limit: 30).Count);
    }

    [Fact]
    public void What_many_places_agree_on_goes_before_a_short_match_in_the_text()
    {
        var drafter = new HistoryDrafter();
        for (var i = 0; i < 9; i++)
        {
            drafter.Add([2, 3, 4, 5, 6, 70, 71]);
        }

        var draft = Propose(drafter, [1, 5, 6, 80, 81, 2, 3, 4, 5, 6], limit: 2);

        Assert.Equal([70, 71], draft.Tokens.ToArray());
        Assert.Equal(DraftOrigin.History, draft.Origin);
    }

    [Fact]
    public void A_longer_match_in_the_text_itself_is_preferred()
    {
        var drafter = new HistoryDrafter();
        drafter.Add([2, 3, 4, 5, 6, 70, 71]);

        var draft = Propose(drafter, [1, 2, 3, 4, 5, 6, 80, 81, 1, 2, 3, 4, 5, 6], limit: 2);

        Assert.Equal([80, 81], draft.Tokens.ToArray());
        Assert.Equal(DraftOrigin.Text, draft.Origin);
    }

    [Fact]
    public void Texts_that_end_are_learned_and_turns_are_not_counted_twice()
    {
        var drafter = new HistoryDrafter();
        int[] first = [.. Enumerable.Range(1, 40)];
        int[] second = [.. first, .. Enumerable.Range(200, 10)];

        drafter.End(first);
        var afterFirst = drafter.TokenCount;
        drafter.End(second);

        Assert.Equal(41, afterFirst);
        Assert.Equal(41 + 10 + 5 + 1, drafter.TokenCount);
        drafter.End(second);
        Assert.Equal(41 + 10 + 5 + 1, drafter.TokenCount);
        Assert.Equal([205, 206], Propose(drafter, [200, 201, 202, 203, 204], limit: 2).Tokens.ToArray());
    }

    [Fact]
    public void Memory_stays_below_the_cap()
    {
        const long MaxBytes = 64 << 10;
        var drafter = new HistoryDrafter(MaxBytes);
        var random = new Random(5);
        for (var text = 0; text < 400; text++)
        {
            var tokens = new int[random.Next(1, 200)];
            foreach (ref var token in tokens.AsSpan())
            {
                token = random.Next(50);
            }

            drafter.Add(tokens);
            Assert.InRange(drafter.ByteLength, 1, MaxBytes);
        }

        // Full but for the eighth that is freed at a time.
        Assert.InRange(drafter.TokenCount, MaxBytes / 8 * 7 / 8 * 9 / 10, MaxBytes / 8);
    }

    [Fact]
    public void Negative_tokens_are_misuse() => Assert.Throws<ArgumentException>(() => new HistoryDrafter().Add([1, -1]));

    private static Draft Propose(HistoryDrafter drafter, int[] text, int limit = 15)
    {
        var draft = new Draft(30, 1_000);
        draft.Clear(limit);
        drafter.Propose(text, draft);
        return draft;
    }
}

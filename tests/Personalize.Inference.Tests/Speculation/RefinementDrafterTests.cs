using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>Guesses that the passes refine, on a model whose word depends on the last token alone.</summary>
public class RefinementDrafterTests
{
    private const int Vocabulary = 101;
    private const int Limit = 8;

    [Fact]
    public void What_the_model_said_behind_a_wrong_guess_is_the_next_guess()
    {
        var drafter = Begin();
        drafter.Learn(9, [1, 60, 70, 80], [2, 61, 71, 81]);

        // The model chose 2 where 60 was guessed; behind it stands what it said there.
        var draft = Propose(drafter, [.. Enumerable.Repeat(0, 9), 1, 2]);

        Assert.Equal([61, 71, 81], draft.Tokens[..3].ToArray());
        Assert.Equal((DraftOrigin.Refinement, 0, Limit), (draft.Origin, draft.MatchLength, draft.Count));
        Assert.False(draft.HasProbabilities);
    }

    [Fact]
    public void A_sequence_that_came_up_on_the_way_is_tried_where_it_begins_again()
    {
        var drafter = Begin();

        // Said of place 11 by the first pass, of place 12 by the second that was fed it, of place 13 by the third.
        drafter.Learn(9, [1, 60, 70, 80], [2, 61, 71, 81]);
        drafter.Learn(10, [2, 61, 71, 81], [3, 62, 72, 82]);
        drafter.Learn(11, [3, 62, 72, 82], [4, 63, 73, 83]);

        var draft = Propose(drafter, [5, 5, 60]);

        Assert.Equal([61, 62, 63], draft.Tokens[..3].ToArray());
        Assert.Equal(3, draft.MatchLength);
    }

    [Fact]
    public void A_text_that_follows_from_its_last_token_takes_fewer_passes_than_tokens_and_stays_the_same()
    {
        static int Next(int token) => ((7 * token) + 3) % 29;
        var drafter = Begin();
        List<int> text = [1, 2];
        List<int> expected = [1, 2];
        while (expected.Count < 100)
        {
            expected.Add(Next(expected[^1]));
        }

        var passes = 0;
        text.Add(Next(text[^1]));
        while (text.Count < expected.Count)
        {
            var draft = Propose(drafter, [.. text]);
            int[] batch = [text[^1], .. draft.Tokens];
            var predicted = batch.Select(Next).ToArray();
            drafter.Learn(text.Count - 1, batch, predicted);
            var right = draft.Tokens.CommonPrefixLength(predicted);
            text.AddRange(predicted[..(right + 1)]);
            passes++;
        }

        Assert.Equal(expected, text[..expected.Count]);
        Assert.InRange(passes, 1, 30);
    }

    [Fact]
    public void A_draft_is_as_long_as_is_wanted_and_within_the_vocabulary()
    {
        var drafter = Begin();
        var random = new Random(3);
        var bytes = drafter.ByteLength;
        List<int> text = [random.Next(Vocabulary)];
        for (var round = 0; round < 3000; round++)
        {
            var limit = random.Next(Limit + 4);
            var draft = Propose(drafter, [.. text.TakeLast(40)], limit);
            Assert.Equal(Math.Min(limit, Limit), draft.Count);
            int[] batch = [text[^1], .. draft.Tokens];
            drafter.Learn(text.Count - 1, batch, [.. batch.Select(_ => random.Next(Vocabulary))]);
            text.Add(random.Next(Vocabulary));
            if (round % 100 == 0)
            {
                drafter.End([.. text]);
                drafter.Begin(SamplingOptions.Greedy, Vocabulary);
            }
        }

        Assert.Equal(bytes, drafter.ByteLength);
        Assert.InRange(bytes, 1, 200_000);
    }

    [Fact]
    public void The_pool_keeps_the_latest_few_and_takes_one_of_another_token_for_none()
    {
        var pool = new NGramPool();
        Assert.True(pool.Find(5).IsEmpty);
        pool.Add([5, 6, 7]);
        pool.Add([5, 8]);
        Assert.Equal([8], pool.Find(5).ToArray());

        // One that begins alike takes its place, and is the latest.
        pool.Add([5, 6, 9, 10]);
        Assert.Equal([6, 9, 10], pool.Find(5).ToArray());
        for (var token = 0; token < 20_000; token++)
        {
            pool.Add([token, token + 1]);
            Assert.Equal([token + 1], pool.Find(token).ToArray());
        }

        for (var token = 0; token < 20_000; token++)
        {
            Assert.True(pool.Find(token).IsEmpty || pool.Find(token).SequenceEqual([token + 1]));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Add([1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Add([1, 2, 3, 4, 5]));
    }

    private static RefinementDrafter Begin()
    {
        var drafter = new RefinementDrafter();
        drafter.Begin(SamplingOptions.Greedy, Vocabulary);
        return drafter;
    }

    private static Draft Propose(RefinementDrafter drafter, int[] text, int limit = Limit)
    {
        var draft = new Draft(2 * Limit, Vocabulary);
        draft.Clear(limit);
        drafter.Propose(text, draft);
        return draft;
    }
}

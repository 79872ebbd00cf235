using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;
using Personalize.Inference.Tests.Generation;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>What is computed, counted and kept, on a decoder whose text is known.</summary>
public class SpeculatorTests
{
    private static readonly int[] Prompt = [1, 2, 3, 4, 5, 1, 2, 3];

    [Fact]
    public void A_right_draft_saves_steps_and_is_counted()
    {
        var session = Cycle();
        var drafter = new FixedDrafter([[5, 1, 2], [4, 5]]);

        var result = Generator(session, drafter).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 8 }).RunToEnd();

        Assert.Equal([4, 5, 1, 2, 3, 4, 5, 1], result.Ids);
        Assert.Equal([4, 3], session.VerifiedLengths);
        Assert.Equal((5, 5), (result.DraftedTokens, result.AcceptedTokens));
        Assert.False(result.SpeculationGivenUp);

        // Nothing was computed that the text did not need: all but its last token.
        Assert.Equal(Prompt.Length + 7, session.ComputedTokens);
        Assert.Equal([[.. Prompt, 4, 5, 1, 2, 3, 4, 5, 1]], drafter.Ended);
    }

    [Fact]
    public void A_wrong_token_ends_the_draft_and_is_taken_back()
    {
        var session = Cycle();
        var drafter = new FixedDrafter([[5, 9, 2]]);

        var result = Generator(session, drafter).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 6 }).RunToEnd();

        Assert.Equal([4, 5, 1, 2, 3, 4], result.Ids);
        Assert.Equal((3, 1), (result.DraftedTokens, result.AcceptedTokens));
        Assert.Equal([.. Prompt, 4, 5, 1, 2, 3], session.Tokens);
    }

    [Fact]
    public void A_text_that_ends_within_a_draft_leaves_a_session_that_goes_on()
    {
        var session = Cycle();
        var generator = Generator(session, new FixedDrafter([[5, 1, 2]]));

        var first = generator.Generate(new GenerationRequest { Prompt = Prompt, StopTokens = [1] }).RunToEnd();
        Assert.Equal([4, 5, 1], first.Ids);

        // What was drafted behind the token that ends the text is not even verified.
        Assert.Equal([3], session.VerifiedLengths);
        Assert.Equal((2, 2), (first.DraftedTokens, first.AcceptedTokens));
        Assert.Equal([.. Prompt, 4, 5], session.Tokens);

        var second = generator.Generate(new GenerationRequest { Prompt = [.. Prompt, .. first.Ids], MaxTokens = 2 }).RunToEnd();
        Assert.Equal([2, 3], second.Ids);
        Assert.Equal(Prompt.Length + 2, second.ReusedTokens);
    }

    [Fact]
    public void Leaving_early_takes_the_draft_back()
    {
        var session = Cycle();
        var generator = Generator(session, new FixedDrafter([[5, 1, 2]]));

        Assert.Equal([4, 5], generator.Generate(new GenerationRequest { Prompt = Prompt }).Take(2).Select(token => token.Id));

        Assert.Equal([.. Prompt, 4], session.Tokens);
        Assert.Equal([4, 5, 1], generator.Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 3 }).RunToEnd().Ids);
    }

    [Fact]
    public void No_token_is_drafted_that_the_text_has_no_use_for()
    {
        var session = Cycle();
        var drafter = new FixedDrafter([[5, 1, 2, 3, 4]]);

        var result = Generator(session, drafter).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 3 }).RunToEnd();

        Assert.Equal([4, 5, 1], result.Ids);
        Assert.Equal([2], session.VerifiedLengths);
    }

    [Fact]
    public void A_session_that_verifies_one_token_at_a_time_runs_without_drafts()
    {
        var session = new ScriptedSession(tokens => (tokens[^1] % 5) + 1) { MaxVerifyTokens = 1 };

        var result = Generator(session, new FixedDrafter([[5]])).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 3 }).RunToEnd();

        Assert.Equal([4, 5, 1], result.Ids);
        Assert.Equal(0, result.DraftedTokens);
    }

    [Fact]
    public void Drafts_that_never_hold_are_given_up_and_the_result_says_so()
    {
        var session = Cycle();
        var drafter = new FixedDrafter([.. Enumerable.Repeat(new[] { 9, 9, 9 }, 400)]);

        var result = Generator(session, drafter).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 300, StopTokens = [] }).RunToEnd();

        Assert.True(result.SpeculationGivenUp);
        Assert.InRange(session.VerifiedLengths.Count, 1, 12);
        Assert.Equal(Enumerable.Range(0, 300).Select(i => ((i + 3) % 5) + 1), result.Ids);
    }

    private static ScriptedSession Cycle() => new(tokens => (tokens[^1] % 5) + 1);

    private static TextGenerator Generator(ScriptedSession session, IDrafter drafter)
    {
        var time = new ManualTime();
        session.BeforeEachToken = () => time.Advance(TimeSpan.FromMilliseconds(1));
        return new TextGenerator(session, new ByteTokenizer(), time, drafter);
    }

    /// <summary>Hands out drafts in order, cut to what is wanted.</summary>
    private sealed class FixedDrafter(int[][] drafts) : IDrafter
    {
        private int _next;

        public List<int[]> Ended { get; } = [];

        public double RelativeCost => 0;

        public bool GivesProbabilities => false;

        public void Begin(SamplingOptions sampling, int vocabularySize)
        {
        }

        public void Propose(ReadOnlySpan<int> sequence, Draft draft)
        {
            draft.Origin = DraftOrigin.Text;
            draft.MatchLength = 64;
            foreach (var token in _next < drafts.Length ? drafts[_next++].AsSpan() : [])
            {
                if (draft.Count < draft.Limit)
                {
                    draft.Add(token);
                }
            }
        }

        public void End(ReadOnlySpan<int> sequence) => Ended.Add(sequence.ToArray());
    }
}

using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>The same text with and without speculation, for every drafter, on a real forward pass.</summary>
public sealed class LosslessTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private const int Prompts = 25;
    private const int MaxTokens = 60;

    public enum Kind
    {
        Lookup,
        History,
        Draft,
        Refine,
        Noisy,
    }

    [Theory]
    [InlineData(Kind.Lookup)]
    [InlineData(Kind.History)]
    [InlineData(Kind.Refine)]
    [InlineData(Kind.Draft)]
    [InlineData(Kind.Noisy)]
    public void Greedy_texts_are_identical(Kind kind) => AreIdentical(kind, new SamplingOptions());

    [Theory]
    [InlineData(Kind.Lookup)]
    [InlineData(Kind.History)]
    [InlineData(Kind.Refine)]
    [InlineData(Kind.Draft)]
    [InlineData(Kind.Noisy)]
    public void Greedy_texts_with_a_penalty_are_identical(Kind kind) => AreIdentical(kind, new SamplingOptions { RepetitionPenalty = 1.3f, RepetitionWindow = 20 });

    [Theory]
    [InlineData(Kind.Lookup)]
    [InlineData(Kind.History)]
    [InlineData(Kind.Refine)]
    [InlineData(Kind.Noisy)]
    public void Sampled_texts_are_identical_where_drafts_are_guesses(Kind kind) =>
        AreIdentical(kind, new SamplingOptions { Temperature = 0.3f, TopK = 20, TopP = 0.9f, RepetitionPenalty = 1.1f, Seed = 11 });

    [Fact]
    public void Sampled_texts_of_a_draft_model_repeat_with_their_seed_whatever_the_clock_says()
    {
        var sampling = new SamplingOptions { Temperature = 0.8f, TopK = 30, Seed = 3 };
        var texts = new List<int[]>();
        foreach (var clock in new TimeProvider[] { TimeProvider.System, new RandomTime(1), new RandomTime(2) })
        {
            using var session = fixture.Open();
            using var draftSession = fixture.Open();
            var generator = new TextGenerator(session, Tokenizer, clock, Drafter(Kind.Draft, draftSession, []));
            texts.AddRange(Enumerable.Range(0, 3).Select(i => generator.Generate(Request(i, sampling)).RunToEnd().Ids.ToArray()));
        }

        Assert.Equal(texts[..3], texts[3..6]);
        Assert.Equal(texts[..3], texts[6..]);
    }

    [Fact]
    public void A_full_context_ends_the_text_at_the_same_token()
    {
        int[] prompt = [1, 2, 3, 1, 2, 3, 1, 2];
        foreach (var contextLength in Enumerable.Range(prompt.Length, 12))
        {
            using var plain = fixture.Open(contextLength);
            using var fast = fixture.Open(contextLength);
            var request = new GenerationRequest { Prompt = prompt, MaxTokens = 100 };
            var expected = new TextGenerator(plain, Tokenizer, TimeProvider.System).Generate(request).RunToEnd();

            var actual = new TextGenerator(fast, Tokenizer, TimeProvider.System, new NoisyDrafter([.. prompt, .. expected.Ids], contextLength, 0)).Generate(request).RunToEnd();

            Assert.Equal(expected.Ids, actual.Ids);
            Assert.Equal(GenerationStopReason.ContextFull, actual.StopReason);
        }
    }

    private PlainTokenizer Tokenizer => field ??= new PlainTokenizer(fixture.VocabularySize);

    // A clock that runs at random makes the governor measure anything, and so choose drafts of any length.
    private void AreIdentical(Kind kind, SamplingOptions sampling)
    {
        using var plain = fixture.Open();
        using var fast = fixture.Open();
        using var draftSession = fixture.Open();
        var expected = new TextGenerator(plain, Tokenizer, TimeProvider.System);
        var drafted = 0;
        var accepted = 0;
        TextGenerator? actual = null;
        for (var i = 0; i < Prompts; i++)
        {
            var request = Request(i, sampling);
            var wanted = expected.Generate(request).RunToEnd();
            var sequence = request.Prompt.Concat(wanted.Ids).ToArray();
            if (kind == Kind.Noisy)
            {
                fast.TruncateTo(0);
                actual = null;
            }

            actual ??= new TextGenerator(fast, Tokenizer, new RandomTime(i), Drafter(kind, draftSession, sequence));

            var result = actual.Generate(request).RunToEnd();

            Assert.Equal(wanted.Ids, result.Ids);
            Assert.Equal(wanted.Text, result.Text);
            Assert.Equal(wanted.StopReason, result.StopReason);
            Assert.Equal(plain.Position, fast.Position);
            Assert.InRange(result.AcceptedTokens, 0, Math.Min(result.DraftedTokens, result.Ids.Count));
            drafted += result.DraftedTokens;
            accepted += result.AcceptedTokens;
        }

        Assert.True(accepted > 0 && drafted > accepted, $"{drafted} drafted, {accepted} accepted: both outcomes have to occur for the test to mean something");
    }

    private IDrafter Drafter(Kind kind, IDecoderSession draftSession, int[] truth) => kind switch
    {
        Kind.Lookup => new LookupDrafter(),
        Kind.History => new HistoryDrafter(),
        Kind.Refine => new RefinementDrafter(),
        Kind.Draft => new ModelDrafter(new BiasedSession(draftSession), Tokenizer, Tokenizer, 0.05),
        _ => new NoisyDrafter(truth, truth.Length, 0.2),
    };

    // Few different tokens, so that there is much to match; later prompts resemble earlier ones, so that there is a history.
    private static GenerationRequest Request(int index, SamplingOptions sampling)
    {
        var random = new Random(index / 2);
        return new GenerationRequest { Prompt = [.. Enumerable.Range(0, random.Next(5, 50)).Select(_ => random.Next(6))], MaxTokens = MaxTokens, Sampling = sampling };
    }

    private sealed class RandomTime(int seed) : TimeProvider
    {
        private readonly Random _random = new(seed);
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks += _random.Next(1, 1_000_000);
    }
}

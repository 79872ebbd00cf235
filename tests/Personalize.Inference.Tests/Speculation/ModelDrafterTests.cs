using Personalize.Core.Errors;
using Personalize.Inference.Sampling;
using Personalize.Inference.Speculation;
using Personalize.Inference.Tests.Generation;

namespace Personalize.Inference.Tests.Speculation;

public class ModelDrafterTests
{
    private const int Vocabulary = 40;

    [Fact]
    public void The_draft_model_writes_ahead_and_takes_back_what_was_refused()
    {
        var session = Session();
        var drafter = Drafter(session);
        var draft = new Draft(8, Vocabulary);
        draft.Clear(3);

        drafter.Propose([1, 2, 3], draft);
        Assert.Equal([4, 5, 6], draft.Tokens.ToArray());
        Assert.Equal(DraftOrigin.Model, draft.Origin);

        // The last one was not fed; 5 was refused for 9.
        Assert.Equal([1, 2, 3, 4, 5], session.Tokens);
        var computed = session.ComputedTokens;
        draft.Clear(2);
        drafter.Propose([1, 2, 3, 4, 9], draft);

        Assert.Equal([10, 11], draft.Tokens.ToArray());
        Assert.Equal([1, 2, 3, 4, 9, 10], session.Tokens);
        Assert.Equal(2, session.ComputedTokens - computed);
    }

    [Fact]
    public void With_sampling_every_drafted_token_comes_with_what_it_was_drawn_from()
    {
        var drafter = Drafter(Session(), new SamplingOptions { Temperature = 1 });
        var draft = new Draft(8, Vocabulary);
        draft.Clear(2);

        drafter.Propose([7], draft);

        Assert.True(draft.HasProbabilities);
        Assert.Equal([8, 9], draft.Tokens.ToArray());
        Assert.Equal(1, draft.ProbabilitiesOf(0)[8], 1e-6f);
        Assert.Equal(1, draft.ProbabilitiesOf(1)[9], 1e-6f);
        Assert.Equal(0, draft.ProbabilitiesOf(1)[8], 1e-6f);
    }

    [Fact]
    public void Nothing_is_drafted_where_the_draft_model_is_not_sure()
    {
        // A logit of 1 against zeros, of 40 tokens: 6 percent.
        var drafter = Drafter(Session(height: 1), new SamplingOptions { Temperature = 1 });
        var draft = new Draft(8, Vocabulary);

        drafter.Propose([7], draft);

        Assert.Equal(0, draft.Count);
    }

    [Fact]
    public void No_more_is_drafted_than_the_draft_models_context_holds()
    {
        var drafter = Drafter(Session(contextLength: 5));
        var draft = new Draft(8, Vocabulary);
        drafter.Propose([1, 2, 3], draft);
        Assert.Equal([4, 5, 6], draft.Tokens.ToArray());

        draft.Clear(8);
        drafter.Propose([1, 2, 3, 4, 5, 6], draft);
        Assert.Equal(0, draft.Count);
    }

    [Fact]
    public void Another_vocabulary_is_refused_with_what_differs()
    {
        var tokenizer = new PlainTokenizer(Vocabulary);
        var size = Assert.Throws<DraftVocabularyException>(() => new ModelDrafter(Session(), new PlainTokenizer(Vocabulary - 1), tokenizer, 0.1));
        var token = Assert.Throws<DraftVocabularyException>(() => new ModelDrafter(Session(), new PlainTokenizer(Vocabulary, "_"), tokenizer, 0.1));
        var logits = Assert.Throws<DraftVocabularyException>(() => new ModelDrafter(new ScriptedSession(_ => 0, vocabularySize: 3), tokenizer, tokenizer, 0.1));

        Assert.Equal((Vocabulary - 1, Vocabulary, -1), (size.DraftSize, size.ModelSize, size.FirstDifference));
        Assert.Equal(0, token.FirstDifference);
        Assert.Equal(3, logits.DraftSize);
        Assert.IsAssignableFrom<PersonalizeException>(size);
    }

    [Fact]
    public void A_session_with_tokens_is_misuse()
    {
        var session = Session();
        session.Decode(1);
        var tokenizer = new PlainTokenizer(Vocabulary);

        Assert.Throws<ArgumentException>(() => new ModelDrafter(session, tokenizer, tokenizer, 0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ModelDrafter(Session(), tokenizer, tokenizer, -1));
        Assert.Throws<InvalidOperationException>(() => new ModelDrafter(Session(), tokenizer, tokenizer, 0.1).Propose([1], new Draft(1, Vocabulary)));
    }

    private static ScriptedSession Session(int contextLength = 100, float height = 20) => new(tokens => (tokens[^1] + 1) % Vocabulary, contextLength, Vocabulary) { Height = height };

    private static ModelDrafter Drafter(ScriptedSession session, SamplingOptions? sampling = null)
    {
        var tokenizer = new PlainTokenizer(Vocabulary);
        var drafter = new ModelDrafter(session, tokenizer, tokenizer, 0.1);
        drafter.Begin(sampling ?? SamplingOptions.Greedy, Vocabulary);
        return drafter;
    }
}

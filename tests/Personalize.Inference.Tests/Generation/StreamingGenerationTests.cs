using Personalize.Core.Errors;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Scoring;
using Personalize.Inference.Tests.Decoding;

namespace Personalize.Inference.Tests.Generation;

/// <summary>Texts and scores that are longer than what the cache holds.</summary>
public sealed class StreamingGenerationTests(TinyModelFixture fixture) : IClassFixture<TinyModelFixture>
{
    private const double SumTolerance = 1e-9;

    [Fact]
    public void A_prompt_longer_than_the_cache_is_streamed_and_the_text_does_not_end_at_the_models_context()
    {
        using var session = Open();
        var prompt = Prompt(fixture.Model.Description.ContextLength + 52, 3);
        var result = Generate(new TextGenerator(session, new ByteTokenizer(), new ManualTime()), prompt, 300);

        Assert.Equal((prompt.Length, 300), (result.PromptTokens, result.Ids.Count));
        Assert.Equal(GenerationStopReason.MaxTokens, result.StopReason);
        Assert.Equal(prompt.Length + 299, session.Position);
        using var whole = new DecoderSession(fixture.Model, fixture.Pool);
        Assert.Throws<ContextLengthException>(() => Generate(new TextGenerator(whole, new ByteTokenizer(), new ManualTime()), prompt, 1));
    }

    [Fact]
    public void A_longer_conversation_is_continued_and_another_one_begins_anew()
    {
        using var session = Open();
        var generator = new TextGenerator(session, new ByteTokenizer(), new ManualTime());
        var prompt = Prompt(100, 4);
        var first = Generate(generator, prompt, 20);
        int[] longer = [.. prompt, .. first.Ids, .. Prompt(10, 5)];
        var second = Generate(generator, longer, 20);

        // The last token of a text is never fed, so all but it is there.
        Assert.Equal(prompt.Length + 19, second.ReusedTokens);
        Assert.Equal(Alone(longer), second.Ids);

        // Shares most of the prompt, but that was overwritten.
        int[] other = [.. prompt[..60], .. Prompt(30, 6)];
        var third = Generate(generator, other, 20);
        Assert.Equal(0, third.ReusedTokens);
        Assert.Equal(Alone(other), third.Ids);
    }

    [Fact]
    public void A_stream_scored_in_pieces_has_the_loss_of_the_whole()
    {
        var ids = TinyModelFixture.Tokens(200);
        using var session = Open();
        var whole = SequenceScorer.Score(session, ids, 1, CancellationToken.None);
        session.TruncateTo(0);
        var pieces = default(SequenceScore);
        for (var first = 0; first < ids.Length - 1; first += 30)
        {
            pieces += SequenceScorer.Continue(session, ids.AsSpan(first, Math.Min(31, ids.Length - first)), CancellationToken.None);
        }

        Assert.Equal(199, pieces.Tokens);
        Assert.Equal(whole.Tokens, pieces.Tokens);
        Assert.Equal(whole.TotalNll, pieces.TotalNll, SumTolerance * whole.TotalNll);
        Assert.Equal(0, SequenceScorer.Continue(session, ids.AsSpan(0, 1), CancellationToken.None).Tokens);
    }

    private static int[] Prompt(int length, int seed) => [.. TinyModelFixture.Tokens(length, seed).Select(id => id % 256)];

    private static GenerationResult Generate(TextGenerator generator, int[] prompt, int tokens) =>
        generator.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = tokens, StopTokens = [] }).RunToEnd();

    private IReadOnlyList<int> Alone(int[] prompt)
    {
        using var session = Open();
        return Generate(new TextGenerator(session, new ByteTokenizer(), new ManualTime()), prompt, 20).Ids;
    }

    private DecoderSession Open() => new(fixture.Model, fixture.Pool, new DecoderSessionOptions { SinkTokenCount = 4, WindowSize = 28, ChunkSize = 16 });
}

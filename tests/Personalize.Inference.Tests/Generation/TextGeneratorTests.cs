using System.Text;
using Personalize.Core.Errors;
using Personalize.Inference.Generation;
using Personalize.Inference.Sampling;

namespace Personalize.Inference.Tests.Generation;

public class TextGeneratorTests
{
    private static readonly int[] Prompt = [1, 2, 3];

    [Fact]
    public void Text_streams_in_whole_characters_and_ends_at_the_stop_token()
    {
        var stream = Generator(Says("añ🙂b")).Generate(new GenerationRequest { Prompt = Prompt });

        var pieces = stream.Select(token => token.Text).ToArray();

        Assert.Equal(["a", "", "ñ", "", "", "", "🙂", "b", ""], pieces);
        Assert.Equal("añ🙂b", stream.Result.Text);
        Assert.Equal(GenerationStopReason.StopToken, stream.Result.StopReason);
        Assert.Equal([.. Encoding.UTF8.GetBytes("añ🙂b").Select(value => (int)value), ByteTokenizer.End], stream.Result.Ids);
        Assert.Equal(3, stream.Result.PromptTokens);
    }

    [Fact]
    public void The_number_of_tokens_is_a_limit_and_a_cut_character_becomes_a_replacement()
    {
        var session = Says("ab🙂");

        var result = Generator(session).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 4 }).RunToEnd();

        Assert.Equal("ab\uFFFD", result.Text);
        Assert.Equal(4, result.Ids.Count);
        Assert.Equal(GenerationStopReason.MaxTokens, result.StopReason);

        // The last token is never fed: nobody asks what follows it.
        Assert.Equal(3 + 3, session.ComputedTokens);
    }

    [Fact]
    public void A_stop_string_across_tokens_is_cut_away_and_never_shown()
    {
        var stream = Generator(Says("say STO and STOP now")).Generate(new GenerationRequest { Prompt = Prompt, StopStrings = ["STOP"] });

        var shown = string.Concat(stream.Select(token => token.Text));

        Assert.Equal("say STO and ", shown);
        Assert.Equal(shown, stream.Result.Text);
        Assert.Equal(GenerationStopReason.StopString, stream.Result.StopReason);
    }

    [Fact]
    public void What_was_held_back_comes_out_at_the_end()
    {
        var stream = Generator(Says("to ST")).Generate(new GenerationRequest { Prompt = Prompt, StopStrings = ["STOP"] });

        Assert.Equal("to ST", string.Concat(stream.Select(token => token.Text)));
        Assert.Equal(GenerationStopReason.StopToken, stream.Result.StopReason);
    }

    [Fact]
    public void A_full_context_ends_the_text()
    {
        var result = Generator(Says("abcdefgh", contextLength: 5)).Generate(new GenerationRequest { Prompt = Prompt }).RunToEnd();

        Assert.Equal("abc", result.Text);
        Assert.Equal(GenerationStopReason.ContextFull, result.StopReason);
    }

    [Fact]
    public void A_prompt_longer_than_the_context_is_refused_with_both_lengths()
    {
        var error = Assert.Throws<ContextLengthException>(() => Generator(Says("a", contextLength: 2)).Generate(new GenerationRequest { Prompt = Prompt }));

        Assert.Equal((3, 2), (error.Needed, error.Available));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(257)]
    public void A_token_outside_the_vocabulary_is_refused(int token) =>
        Assert.Throws<ArgumentException>(() => Generator(Says("a")).Generate(new GenerationRequest { Prompt = [token] }));

    [Fact]
    public void Own_stop_tokens_take_the_place_of_the_tokenizers()
    {
        var result = Generator(Says("a.b")).Generate(new GenerationRequest { Prompt = Prompt, StopTokens = ['.'] }).RunToEnd();

        Assert.Equal("a", result.Text);
        Assert.Equal(['a', '.'], result.Ids);
    }

    [Fact]
    public void Cancellation_between_tokens_keeps_what_there_is()
    {
        using var cancel = new CancellationTokenSource();
        var stream = Generator(Says("abcdef")).Generate(new GenerationRequest { Prompt = Prompt }, cancel.Token);
        var shown = "";

        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (var token in stream)
            {
                shown += token.Text;
                if (shown.Length == 2)
                {
                    cancel.Cancel();
                }
            }
        });

        Assert.Equal("ab", shown);
        Assert.Equal("ab", stream.Result.Text);
        Assert.Equal(GenerationStopReason.Interrupted, stream.Result.StopReason);
    }

    [Fact]
    public void Cancellation_during_prefill_leaves_a_generator_that_goes_on_where_it_stood()
    {
        using var cancel = new CancellationTokenSource();
        var session = Says("xy");
        var generator = Generator(session);
        var prompt = Enumerable.Range(1, 10).ToArray();
        session.BeforeEachToken = () =>
        {
            if (session.Position == 5)
            {
                cancel.Cancel();
            }
        };
        var stream = generator.Generate(new GenerationRequest { Prompt = prompt }, cancel.Token);

        Assert.Throws<OperationCanceledException>(() => stream.RunToEnd());

        Assert.Equal(8, session.Position);
        Assert.Empty(stream.Result.Ids);
        var result = generator.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = 1 }).RunToEnd();
        Assert.Equal(8, result.ReusedTokens);
        Assert.Equal(prompt, session.Tokens);
    }

    [Fact]
    public void A_conversation_that_grows_computes_no_token_twice()
    {
        var session = Says("ok");
        var generator = Generator(session);
        var conversation = new List<int>(Prompt);
        for (var turn = 0; turn < 20; turn++)
        {
            conversation.AddRange([10 + turn, 11 + turn]);
            var result = generator.Generate(new GenerationRequest { Prompt = [.. conversation], MaxTokens = 2, StopTokens = [] }).RunToEnd();
            conversation.AddRange(result.Ids);
        }

        // The very last token was not needed.
        Assert.Equal(conversation.Count - 1, session.ComputedTokens);
        Assert.Equal(conversation[..^1], session.Tokens);
    }

    [Fact]
    public void The_same_prompt_again_computes_only_its_last_token()
    {
        var session = Says("abc");
        var generator = Generator(session);
        var first = generator.Generate(new GenerationRequest { Prompt = Prompt }).RunToEnd();
        var computed = session.ComputedTokens;

        var second = generator.Generate(new GenerationRequest { Prompt = Prompt }).RunToEnd();

        Assert.Equal(first.Text, second.Text);
        Assert.Equal(2, second.ReusedTokens);
        Assert.Equal(computed - 2, session.ComputedTokens - computed);
    }

    [Fact]
    public void Leaving_early_frees_the_generator()
    {
        var generator = Generator(Says("abc"));
        var stream = generator.Generate(new GenerationRequest { Prompt = Prompt });

        Assert.Equal("a", stream.First().Text);

        Assert.Equal(GenerationStopReason.Interrupted, stream.Result.StopReason);
        Assert.Equal("abc", generator.Generate(new GenerationRequest { Prompt = Prompt }).RunToEnd().Text);
    }

    [Fact]
    public void Two_texts_at_once_are_misuse()
    {
        var generator = Generator(Says("abc"));
        using var first = generator.Generate(new GenerationRequest { Prompt = Prompt }).GetEnumerator();
        first.MoveNext();

        Assert.Throws<InvalidOperationException>(() => generator.Generate(new GenerationRequest { Prompt = Prompt }).RunToEnd());
    }

    [Fact]
    public void A_text_is_enumerated_once_and_has_no_result_before()
    {
        var stream = Generator(Says("abc")).Generate(new GenerationRequest { Prompt = Prompt });
        Assert.Throws<InvalidOperationException>(() => stream.Result);
        stream.RunToEnd();

        Assert.Throws<InvalidOperationException>(() => stream.RunToEnd());
    }

    [Fact]
    public void Rates_count_the_models_time_and_not_the_consumers()
    {
        var time = new ManualTime();
        var session = Says("abcd");
        session.BeforeEachToken = () => time.Advance(TimeSpan.FromMilliseconds(session.Position < 3 ? 10 : 100));
        var stream = new TextGenerator(session, new ByteTokenizer(), time).Generate(new GenerationRequest { Prompt = Prompt });

        foreach (var token in stream)
        {
            time.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(100, stream.Result.PrefillTokensPerSecond, 6);
        Assert.Equal(10, stream.Result.DecodeTokensPerSecond, 6);
    }

    [Fact]
    public void Padding_logits_beyond_the_vocabulary_are_never_chosen()
    {
        var session = new ScriptedSession(_ => 260, vocabularySize: 264);

        var result = Generator(session).Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 3 }).RunToEnd();

        Assert.All(result.Ids, id => Assert.InRange(id, 0, 256));
    }

    [Fact]
    public void Sampling_options_reach_the_sampler()
    {
        GenerationResult Run(ulong seed) => Generator(Says("abc")).Generate(
            new GenerationRequest { Prompt = Prompt, MaxTokens = 30, StopTokens = [], Sampling = new SamplingOptions { Temperature = 3, Seed = seed } }).RunToEnd();

        Assert.Equal(Run(1).Ids, Run(1).Ids);
        Assert.NotEqual(Run(1).Ids, Run(2).Ids);
    }

    [Fact]
    public void Requests_are_validated()
    {
        Assert.Throws<ArgumentException>(() => new GenerationRequest { Prompt = [] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationRequest { Prompt = Prompt, MaxTokens = 0 });
        Assert.Throws<ArgumentException>(() => new GenerationRequest { Prompt = Prompt, StopStrings = ["a", ""] });
    }

    [Fact]
    public void A_session_with_tokens_is_not_taken_over()
    {
        var session = Says("a");
        session.Decode(1);

        Assert.Throws<ArgumentException>(() => Generator(session));
    }

    private static TextGenerator Generator(ScriptedSession session) => new(session, new ByteTokenizer(), TimeProvider.System);

    // After any tokens comes the first byte of the text, after that byte the next one, and after the last one the end.
    private static ScriptedSession Says(string text, int contextLength = 1000)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return new ScriptedSession(
            tokens =>
            {
                var said = 0;
                for (var length = Math.Min(bytes.Length, tokens.Count); length > 0 && said == 0; length--)
                {
                    said = Enumerable.Range(0, length).All(i => tokens[tokens.Count - length + i] == bytes[i]) ? length : 0;
                }

                return said == bytes.Length ? ByteTokenizer.End : bytes[said];
            },
            contextLength);
    }
}

using Microsoft.Extensions.AI;
using Personalize.Core.Errors;
using Personalize.Inference.Chat;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Tests.Chat;

/// <summary>What the conversations of one client share: the beginnings of their prompts, a drafter each, the memory.</summary>
public class ConversationPoolTests(TinyChatModel model) : IClassFixture<TinyChatModel>
{
    private const string Rules = "name the items and the true, name the null and the false; 12 items at most and 1.5 of the name.";

    [Fact]
    public async Task A_new_conversation_computes_only_what_no_other_begins_with()
    {
        using var fixture = new ChatFixture(model);
        using var alone = new ChatFixture(model);
        var seed = new ChatOptions { Seed = 3 };
        ChatMessage[] first = [new(ChatRole.System, Rules), new(ChatRole.User, "the first")];
        ChatMessage[] second = [new(ChatRole.System, Rules), new(ChatRole.User, "and another")];
        var shared = model.Format.EncodePrompt([new("system", Rules), new("user", "the first")], addGenerationPrompt: true).AsSpan()
            .CommonPrefixLength(model.Format.EncodePrompt([new("system", Rules), new("user", "and another")], addGenerationPrompt: true));

        var before = await fixture.Client.GetResponseAsync(first, seed);
        var response = await fixture.Client.GetResponseAsync(second, seed);

        Assert.Equal(2, fixture.Sessions.Count);
        Assert.True(shared > Rules.Length / 4);
        Assert.Equal(shared, response.Usage!.CachedInputTokenCount);
        Assert.Equal(fixture.Sessions[1].Position - shared, fixture.Sessions[1].Computed);
        Assert.Equal((await alone.Client.GetResponseAsync(second, seed)).Text, response.Text);

        // The other conversation lost nothing.
        ChatMessage[] next = [.. first, .. before.Messages, new(ChatRole.User, "and")];
        var more = await fixture.Client.GetResponseAsync(next, seed);
        Assert.Equal(before.Usage!.TotalTokenCount - 1, more.Usage!.CachedInputTokenCount);
        Assert.Equal(2, fixture.Sessions.Count);
    }

    [Fact]
    public async Task A_conversation_that_takes_the_place_of_another_also_begins_with_a_copy()
    {
        using var fixture = new ChatFixture(model, maxSessions: 2);
        await fixture.Client.GetResponseAsync([new(ChatRole.User, "of another kind")]);
        await fixture.Client.GetResponseAsync([new(ChatRole.System, Rules), new(ChatRole.User, "a")]);

        var response = await fixture.Client.GetResponseAsync([new(ChatRole.System, Rules), new(ChatRole.User, "b")]);

        Assert.Equal(2, fixture.Sessions.Count);
        Assert.True(response.Usage!.CachedInputTokenCount > Rules.Length / 4);
        Assert.True(response.Usage.InputTokenCount > response.Usage.CachedInputTokenCount);
    }

    [Fact]
    public async Task Conversations_with_one_system_prompt_at_once_give_what_each_gives_alone()
    {
        async Task<string[]> TalkAsync(PersonalizeChatClient client, int conversation)
        {
            var messages = new List<ChatMessage> { new(ChatRole.System, Rules) };
            for (var turn = 0; turn < 4; turn++)
            {
                messages.Add(new ChatMessage(ChatRole.User, $"the {turn} of {conversation}"));
                messages.AddRange((await client.GetResponseAsync(messages, new ChatOptions { Seed = (10 * conversation) + turn })).Messages);
            }

            return [.. messages.Where(message => message.Role == ChatRole.Assistant).Select(message => message.Text)];
        }

        var alone = new string[8][];
        for (var i = 0; i < alone.Length; i++)
        {
            using var fixture = new ChatFixture(model);
            alone[i] = await TalkAsync(fixture.Client, i);
        }

        using var together = new ChatFixture(model, maxSessions: 5);
        Assert.Equal(alone, await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => TalkAsync(together.Client, i)))));
    }

    [Fact]
    public async Task A_drafter_changes_no_answer_and_its_guesses_are_counted()
    {
        using var plain = new ChatFixture(model);
        using var fast = new ChatFixture(model, createDrafter: () => new LookupDrafter(shortestMatch: 1));
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 60 };
        var without = new List<ChatResponse>();
        var with = new List<ChatResponse>();

        var expected = await plain.TalkAsync(2, turns: 6, options, without);
        var actual = await fast.TalkAsync(2, turns: 6, options, with);

        Assert.Equal(expected, actual);
        Assert.All(without, response => Assert.Null(response.Usage!.AdditionalCounts));
        Assert.All(with, response =>
        {
            var result = Assert.IsType<GenerationResult>(response.RawRepresentation);
            var counts = response.Usage!.AdditionalCounts!;
            Assert.Equal((result.DraftedTokens, result.AcceptedTokens), (counts[PersonalizeChatClient.DraftedTokenCount], counts[PersonalizeChatClient.AcceptedTokenCount]));
        });
        Assert.True(with.Sum(response => response.Usage!.AdditionalCounts![PersonalizeChatClient.AcceptedTokenCount]) > 0);
        var streamed = await fast.Client.GetStreamingResponseAsync([new(ChatRole.User, "x")], options).ToChatResponseAsync();
        Assert.True(streamed.Usage!.AdditionalCounts!.ContainsKey(PersonalizeChatClient.DraftedTokenCount));
    }

    [Fact]
    public async Task A_history_grows_as_the_chat_goes_on_and_drafts_from_it()
    {
        var drafters = new List<HistoryDrafter>();
        using var fixture = new ChatFixture(model, maxSessions: 1, createDrafter: () =>
        {
            drafters.Add(new HistoryDrafter());
            return drafters[^1];
        });
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 60 };
        var first = await fixture.Client.GetResponseAsync([new(ChatRole.User, "the name and the items")], options);
        var known = Assert.Single(drafters).TokenCount;
        Assert.True(known >= first.Usage!.TotalTokenCount);

        // The same question behind another beginning: nothing of the answer stands in this prompt.
        await fixture.Client.GetResponseAsync([new(ChatRole.System, "12"), new(ChatRole.User, "the name and the items")], options);

        Assert.True(drafters[0].TokenCount > known);
        Assert.Single(fixture.Sessions);
    }

    [Fact]
    public async Task Conversations_that_together_need_more_memory_than_there_is_are_refused_before_they_are_made()
    {
        var session = new DecoderSessionOptions { ContextLength = 256 };
        using var probe = new DecoderSession(model.Model, model.Pool, session);
        var limit = model.Model.ByteLength + (probe.ByteLength * 3 / 2);
        using var client = new PersonalizeChatClient(
            model.Model, model.Format, model.Pool, new PersonalizeChatOptions { MaxSessions = 2, MaxOutputTokens = 4, Session = new DecoderSessionOptions { ContextLength = 256, MemoryLimitBytes = limit } });
        var running = client.GetStreamingResponseAsync([new(ChatRole.User, "a")]).GetAsyncEnumerator();
        await running.MoveNextAsync();

        var error = await Assert.ThrowsAsync<MemoryShortageException>(() => client.GetResponseAsync([new(ChatRole.User, "b")]));

        Assert.Equal(limit, error.AvailableBytes);
        await running.DisposeAsync();

        // The conversation that there is room for goes on.
        Assert.NotNull(await client.GetResponseAsync([new(ChatRole.User, "a")]));
    }
}

using Microsoft.Extensions.AI;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Inference.Chat;
using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;
using Personalize.Inference.Tests.Decoding;

namespace Personalize.Inference.Tests.Chat;

/// <summary>A chat that is put away in the profile and taken up by another client, as after a restart.</summary>
public sealed class SavedChatTests : IClassFixture<TinyChatModel>, IDisposable
{
    private const string Name = "monday";
    private static readonly PersonalizeChatOptions Options = new() { MaxSessions = 2, MaxOutputTokens = 20, Session = new DecoderSessionOptions { ContextLength = 1024 } };
    private readonly string _folder = Directory.CreateTempSubdirectory("personalize-chats-").FullName;
    private readonly TinyChatModel _model;
    private readonly Profile _profile;

    public SavedChatTests(TinyChatModel model)
    {
        _model = model;
        _profile = Profile.Open(Path.Combine(_folder, "profile"));
    }

    public void Dispose()
    {
        _profile.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_chat_goes_on_after_a_restart_and_computes_no_token_again()
    {
        var messages = new List<ChatMessage> { new(ChatRole.System, "12 items") };
        long computed;
        string expected;
        using (var client = Create())
        {
            computed = await TalkAsync(client, messages, turns: 3);
            Assert.True(await client.TrySaveConversationAsync(messages, options: null, _profile.Conversations, Name));

            // The client goes on with what it saved; the same turn comes again after the restart.
            var undisturbed = await client.GetResponseAsync([.. messages, new ChatMessage(ChatRole.User, "and")], new ChatOptions { Seed = 8 });
            Assert.Equal(computed, undisturbed.Usage!.CachedInputTokenCount);
            expected = undisturbed.Text;
        }

        using var restarted = Create();
        await TalkAsync(restarted, [new(ChatRole.User, "something else")], turns: 1);
        Assert.True(await restarted.TryRestoreConversationAsync(_profile.Conversations, Name));

        // Noise is not what its text encodes to: only with the very tokens nothing is computed again.
        Assert.Contains(messages, message => message.Text.Contains('\uFFFD', StringComparison.Ordinal));
        var response = await restarted.GetResponseAsync([.. messages, new ChatMessage(ChatRole.User, "and")], new ChatOptions { Seed = 8 });
        Assert.Equal(computed, response.Usage!.CachedInputTokenCount);
        Assert.Equal(expected, response.Text);
    }

    [Fact]
    public async Task What_the_client_does_not_hold_is_not_saved()
    {
        using var client = Create();
        var messages = new List<ChatMessage>();
        await TalkAsync(client, messages, turns: 2);

        Assert.False(await client.TrySaveConversationAsync([new(ChatRole.User, "never asked")], null, _profile.Conversations, Name));
        Assert.False(await client.TrySaveConversationAsync([.. messages.Take(3), new(ChatRole.Assistant, "never said")], null, _profile.Conversations, Name));
        Assert.False(await client.TrySaveConversationAsync([.. messages, new(ChatRole.User, "not answered")], null, _profile.Conversations, Name));
        for (var other = 0; other < 2; other++)
        {
            await TalkAsync(client, [new(ChatRole.User, $"{other}")], turns: 1);
        }

        Assert.False(await client.TrySaveConversationAsync(messages, null, _profile.Conversations, Name));
        Assert.Empty(_profile.Conversations.List());
        Assert.False(await client.TryRestoreConversationAsync(_profile.Conversations, Name));
    }

    [Fact]
    public async Task An_earlier_state_is_taken_up_without_what_came_after()
    {
        var messages = new List<ChatMessage>();
        using var client = Create();
        var computed = await TalkAsync(client, messages, turns: 1);
        ChatMessage[] earlier = [.. messages];
        await TalkAsync(client, messages, turns: 2);

        Assert.True(await client.TrySaveConversationAsync(earlier, null, _profile.Conversations, Name));

        using var restarted = Create();
        await restarted.TryRestoreConversationAsync(_profile.Conversations, Name);
        var other = await restarted.GetResponseAsync([.. earlier, new(ChatRole.User, "another way")], new ChatOptions { Seed = 5 });
        var expected = await client.GetResponseAsync([.. earlier, new(ChatRole.User, "another way")], new ChatOptions { Seed = 5 });
        Assert.InRange(other.Usage!.CachedInputTokenCount!.Value, computed, computed + 1);
        Assert.Equal(expected.Text, other.Text);
    }

    [Fact]
    public async Task While_it_is_answered_in_a_conversation_is_not_saved()
    {
        using var client = Create();
        var messages = new List<ChatMessage>();
        await TalkAsync(client, messages, turns: 1);
        var running = client.GetStreamingResponseAsync([.. messages, new ChatMessage(ChatRole.User, "and")]).GetAsyncEnumerator();
        await running.MoveNextAsync();

        Assert.False(await client.TrySaveConversationAsync(messages, null, _profile.Conversations, Name));

        await running.DisposeAsync();
        Assert.True(await client.TrySaveConversationAsync(messages, null, _profile.Conversations, Name));
    }

    [Fact]
    public async Task A_client_with_an_adapter_refuses_what_was_computed_without_and_goes_on()
    {
        var messages = new List<ChatMessage>();
        using (var client = Create())
        {
            await TalkAsync(client, messages, turns: 1);
            await client.TrySaveConversationAsync(messages, null, _profile.Conversations, Name);
        }

        using var adapter = SharedPrefixTests.Adapter(_model.Model);
        using var adapted = new PersonalizeChatClient(_model.Model, _model.Format, _model.Pool, Options, adapter);

        var error = await Assert.ThrowsAsync<ConversationRestoreException>(() => adapted.TryRestoreConversationAsync(_profile.Conversations, Name));

        Assert.Equal(ConversationRestoreError.OtherAdapter, error.Error);
        var response = await adapted.GetResponseAsync([.. messages, new ChatMessage(ChatRole.User, "and")]);
        Assert.Equal(0, response.Usage!.CachedInputTokenCount);
    }

    [Fact]
    public async Task A_generator_takes_up_a_chat_and_a_client_refuses_what_is_none()
    {
        var messages = new List<ChatMessage>();
        using var client = Create();
        var computed = await TalkAsync(client, messages, turns: 1);
        await client.TrySaveConversationAsync(messages, null, _profile.Conversations, Name);
        using var session = new DecoderSession(_model.Model, _model.Pool, Options.Session);
        var generator = new TextGenerator(session, _model.Format.Tokenizer, TimeProvider.System);

        Assert.True(generator.TryRestore(_profile.Conversations, Name));

        Assert.Equal(computed, session.Position);
        generator.Save(_profile.Conversations, "plain");
        var error = await Assert.ThrowsAsync<ConversationRestoreException>(() => client.TryRestoreConversationAsync(_profile.Conversations, "plain"));
        Assert.Equal(ConversationRestoreError.Malformed, error.Error);
        Assert.Equal(["monday", "plain"], _profile.Conversations.List());
    }

    private PersonalizeChatClient Create() => new(_model.Model, _model.Format, _model.Pool, Options);

    // How many tokens the client has computed for the conversation at its end.
    private static async Task<long> TalkAsync(PersonalizeChatClient client, List<ChatMessage> messages, int turns)
    {
        var computed = 0L;
        for (var turn = 0; turn < turns; turn++)
        {
            messages.Add(new ChatMessage(ChatRole.User, $"the name {turn}"));
            var response = await client.GetResponseAsync(messages, new ChatOptions { Seed = turn });
            messages.AddRange(response.Messages);
            computed = response.Usage!.TotalTokenCount!.Value - 1;
        }

        return computed;
    }
}

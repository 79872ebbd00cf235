using System.Text.Json;
using Microsoft.Extensions.AI;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tokenization;
using Personalize.Inference.Chat;
using Personalize.Inference.Decoding;
using Personalize.Inference.Tests.Chat.Schemas;
using Personalize.Inference.Tests.Decoding;

namespace Personalize.Inference.Tests.Chat;

public class SmolChatTests(SmolModelFixture smol) : IClassFixture<SmolModelFixture>
{
    private static readonly ChatOptions Greedy = new() { Temperature = 0, MaxOutputTokens = 24 };

    [SharedFact(SharedFiles.Model)]
    public async Task A_conversation_is_sensible_and_computes_no_token_twice()
    {
        using var client = Create();

        // Asked this way the model is sure of its first word; "What is the capital of France?" leaves 0.08 between two, which rounding decides.
        var messages = new List<ChatMessage> { new(ChatRole.User, "Tell me the capital of France.") };
        var first = await client.GetResponseAsync(messages, Greedy);
        messages.AddRange(first.Messages);
        messages.Add(new ChatMessage(ChatRole.User, "And of Italy?"));
        var second = await client.GetResponseAsync(messages, Greedy);

        Assert.Contains("Paris", first.Text, StringComparison.Ordinal);
        Assert.Contains("Rome", second.Text, StringComparison.Ordinal);

        // All but the last token, which nothing was asked about.
        Assert.Equal(first.Usage!.TotalTokenCount - 1, second.Usage!.CachedInputTokenCount);
    }

    [SharedFact(SharedFiles.Model)]
    public async Task A_form_is_filled_in_from_a_text()
    {
        using var client = Create();
        var schema = JsonDocument.Parse("""{"type":"object","properties":{"name":{"type":"string","maxLength":20},"age":{"type":"integer"},"city":{"enum":["Berlin","Paris","Rome"]}},"required":["name","age","city"],"additionalProperties":false}""").RootElement;
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 60, ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) };

        var response = await client.GetResponseAsync("Ann is 31 years old and lives in Rome. Write her name, age and city as JSON.", options);

        Assert.True(SchemaCheck.IsValid(response.Text, schema), response.Text);
        using var document = JsonDocument.Parse(response.Text);
        Assert.Equal(("Ann", 31, "Rome"), (document.RootElement.GetProperty("name").GetString(), document.RootElement.GetProperty("age").GetInt32(), document.RootElement.GetProperty("city").GetString()));
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [SharedFact(SharedFiles.Model)]
    public async Task A_chat_of_twenty_turns_computes_no_token_twice()
    {
        var sessions = new List<CountingSession>();
        using var client = Create(sessions, maxSessions: 2);
        var messages = new List<ChatMessage>();
        var total = 0L;
        for (var turn = 1; turn <= 20; turn++)
        {
            messages.Add(new ChatMessage(ChatRole.User, $"Say something about the number {turn}."));
            var response = await client.GetResponseAsync(messages, new ChatOptions { Temperature = 0, MaxOutputTokens = 8 });
            messages.AddRange(response.Messages);
            Assert.Equal(total, response.Usage!.CachedInputTokenCount);

            // The last token was chosen but never fed.
            total = response.Usage.TotalTokenCount!.Value - 1;
        }

        var session = Assert.Single(sessions);
        Assert.Equal(total, session.Computed);
        Assert.Equal(session.Position, session.Computed);
    }

    [SharedFact(SharedFiles.Model)]
    public async Task Eight_conversations_at_once_give_what_each_gives_alone()
    {
        string[] subjects = ["the sea", "a violin", "bread", "the moon", "chess", "rain", "a bicycle", "glass"];
        async Task<string> TalkAsync(PersonalizeChatClient client, string subject)
        {
            var messages = new List<ChatMessage>();
            foreach (var question in new[] { $"Tell me about {subject}.", "And what else?" })
            {
                messages.Add(new ChatMessage(ChatRole.User, question));
                messages.AddRange((await client.GetResponseAsync(messages, new ChatOptions { Temperature = 0.8f, Seed = subject.Length, MaxOutputTokens = 8 })).Messages);
            }

            return string.Join('\n', messages.Select(message => message.Text));
        }

        var alone = new List<string>();
        foreach (var subject in subjects)
        {
            using var client = Create();
            alone.Add(await TalkAsync(client, subject));
        }

        var sessions = new List<CountingSession>();
        using var shared = Create(sessions, maxSessions: 9);
        Assert.Equal(alone, await Task.WhenAll(subjects.Select(subject => Task.Run(() => TalkAsync(shared, subject)))));

        // A conversation that comes later finds the others free, and begins with a copy of their system prompt.
        var known = sessions.Count;
        await TalkAsync(shared, "snow");
        Assert.Equal(known + 1, sessions.Count);
        Assert.True(sessions[^1].Copied > 10);
        Assert.Equal(sessions[^1].Position, sessions[^1].Copied + sessions[^1].Computed);
    }

    private PersonalizeChatClient Create()
    {
        using var file = GgufFile.Open(smol.Model.Path);
        return new PersonalizeChatClient(smol.Model, ChatFormat.Load(file.Metadata, TimeProvider.System), smol.Pool, new PersonalizeChatOptions { Session = new() { ContextLength = 512 } });
    }

    private PersonalizeChatClient Create(List<CountingSession> sessions, int maxSessions)
    {
        using var file = GgufFile.Open(smol.Model.Path);
        return new PersonalizeChatClient(
            () =>
            {
                sessions.Add(new CountingSession(new DecoderSession(smol.Model, smol.Pool, new DecoderSessionOptions { ContextLength = 1024 })));
                return sessions[^1];
            },
            ChatFormat.Load(file.Metadata, TimeProvider.System),
            new PersonalizeChatOptions { MaxSessions = maxSessions },
            "smol",
            time: null);
    }
}

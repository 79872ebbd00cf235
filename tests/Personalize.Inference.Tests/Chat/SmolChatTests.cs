using System.Text.Json;
using Microsoft.Extensions.AI;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Tokenization;
using Personalize.Inference.Chat;
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
        var messages = new List<ChatMessage> { new(ChatRole.User, "What is the capital of France?") };
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

    private PersonalizeChatClient Create()
    {
        using var file = GgufFile.Open(smol.Model.Path);
        return new PersonalizeChatClient(smol.Model, ChatFormat.Load(file.Metadata, TimeProvider.System), smol.Pool, new PersonalizeChatOptions { Session = new() { ContextLength = 512 } });
    }
}

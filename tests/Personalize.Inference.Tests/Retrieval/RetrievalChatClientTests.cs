using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Personalize.Core.Interactions;
using Personalize.Inference.Retrieval;
using Personalize.Inference.Tests.Generation;

namespace Personalize.Inference.Tests.Retrieval;

public sealed class RetrievalChatClientTests : IDisposable
{
    private readonly Echo _echo = new();
    private readonly RetrievalChatClient _client;

    public RetrievalChatClientTests() =>
        _client = new RetrievalChatClient(_echo, request => request.Contains('?', StringComparison.Ordinal) ? [new Interaction(1, null, default, "s", "near", "yes"), new Interaction(2, null, default, "s", "far", "no")] : [], new RetrievalPrompt(new ByteTokenizer()));

    public void Dispose()
    {
        _client.Dispose();
        _echo.Dispose();
    }

    [Fact]
    public async Task Similar_interactions_go_before_the_first_request()
    {
        _ = await _client.GetResponseAsync([new ChatMessage(ChatRole.System, "be kind"), new ChatMessage(ChatRole.User, "what?")]);
        Assert.Equal(["system be kind", "user far", "assistant no", "user near", "assistant yes", "user what?"], _echo.Heard);
        await foreach (var _ in _client.GetStreamingResponseAsync([new ChatMessage(ChatRole.User, "what?")]))
        {
        }

        Assert.Equal(5, _echo.Heard.Count);
    }

    [Fact]
    public async Task A_conversation_under_way_and_one_without_a_like_stay_as_they_are()
    {
        _ = await _client.GetResponseAsync([new ChatMessage(ChatRole.User, "what?"), new ChatMessage(ChatRole.Assistant, "this"), new ChatMessage(ChatRole.User, "why?")]);
        Assert.Equal(["user what?", "assistant this", "user why?"], _echo.Heard);
        _ = await _client.GetResponseAsync([new ChatMessage(ChatRole.User, "hello")]);
        Assert.Equal(["user hello"], _echo.Heard);
        _ = await _client.GetResponseAsync([]);
        Assert.Empty(_echo.Heard);
        Assert.Same(_client, _client.GetService(typeof(RetrievalChatClient)));
    }

    private sealed class Echo : IChatClient
    {
        public List<string> Heard { get; private set; } = [];

        public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        {
            Heard = [.. messages.Select(message => $"{message.Role} {message.Text}")];
            return Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, "ok")));
        }

        public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            _ = await GetResponseAsync(messages, options, cancellationToken);
            yield return new ChatResponseUpdate(ChatRole.Assistant, "ok");
        }

        public object? GetService(Type serviceType, object? serviceKey = null) => null;

        public void Dispose()
        {
        }
    }
}

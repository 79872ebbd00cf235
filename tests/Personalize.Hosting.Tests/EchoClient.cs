using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;

namespace Personalize.Hosting.Tests;

/// <summary>A client of somebody else's, which repeats what it is told in two pieces; a message of "fail" makes it fail.</summary>
internal sealed class EchoClient : IChatClient
{
    public bool IsDisposed { get; private set; }

    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        Task.FromResult(new ChatResponse(new ChatMessage(ChatRole.Assistant, Answer(messages))));

    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var answer = Answer(messages);
        yield return new ChatResponseUpdate(ChatRole.Assistant, answer[..1]);
        await Task.Yield();
        yield return new ChatResponseUpdate(ChatRole.Assistant, answer[1..]);
    }

    public object? GetService(Type serviceType, object? serviceKey = null) => serviceType == typeof(EchoClient) ? this : null;

    public void Dispose() => IsDisposed = true;

    private static string Answer(IEnumerable<ChatMessage> messages) => messages.Last().Text is var text and not "fail" ? text : throw new InvalidOperationException("asked to fail");
}

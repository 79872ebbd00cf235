using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Personalize.Core.Interactions;

namespace Personalize.Inference.Retrieval;

/// <summary>
/// Puts the person's similar interactions before the first request of a conversation, as turns that went before, and passes all else on. A conversation that has answers already has its own earlier turns and is left as it is.
/// As thread-safe as what it is given; owns the inner client.
/// </summary>
/// <param name="inner">Answers.</param>
/// <param name="find">Finds interactions for a request, the most similar first; called once a conversation.</param>
/// <param name="prompt">Cuts and orders them.</param>
public sealed class RetrievalChatClient(IChatClient inner, Func<string, IReadOnlyList<Interaction>> find, RetrievalPrompt prompt) : IChatClient
{
    /// <inheritdoc/>
    public Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        inner.GetResponseAsync(Extend(messages), options, cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var update in inner.GetStreamingResponseAsync(Extend(messages), options, cancellationToken).WithCancellation(cancellationToken))
        {
            yield return update;
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null && serviceType.IsInstanceOfType(this) ? this : inner.GetService(serviceType, serviceKey);
    }

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();

    private List<ChatMessage> Extend(IEnumerable<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        List<ChatMessage> conversation = [.. messages];
        if (conversation.Exists(message => message.Role != ChatRole.User && message.Role != ChatRole.System) || conversation.Find(message => message.Role == ChatRole.User) is not { } request)
        {
            return conversation;
        }

        var turns = prompt.Compose(find(request.Text), request.Text);
        var earlier = turns.Take(turns.Count - 1).Select(turn => new ChatMessage(new ChatRole(turn.Role), turn.Content));
        conversation.InsertRange(conversation.IndexOf(request), earlier);
        return conversation;
    }
}

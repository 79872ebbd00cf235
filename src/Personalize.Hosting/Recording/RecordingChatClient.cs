using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Personalize.Core.Errors;

namespace Personalize.Hosting.Recording;

/// <summary>
/// Records what a person writes to any chat client: after each answer the person's last message, with the assistant's message before it as its context. What the assistant writes is never learned from by itself.
/// Nothing is stored without the person's consent, and no failure to store disturbs the conversation: it is logged, without any text. Safe to use from several threads where the inner client is; owns it.
/// </summary>
public sealed partial class RecordingChatClient : IChatClient
{
    private readonly IChatClient _inner;
    private readonly InteractionRecorder _recorder;
    private readonly ILogger<RecordingChatClient> _logger;

    /// <summary>Puts the recording around a client.</summary>
    /// <param name="inner">Answers; disposed with this.</param>
    /// <param name="recorder">Stores.</param>
    /// <param name="logger">Told when something could not be stored; null for nobody.</param>
    public RecordingChatClient(IChatClient inner, InteractionRecorder recorder, ILogger<RecordingChatClient>? logger = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(recorder);
        (_inner, _recorder, _logger) = (inner, recorder, logger ?? NullLogger<RecordingChatClient>.Instance);
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var conversation = messages as IReadOnlyCollection<ChatMessage> ?? [.. messages];
        var response = await _inner.GetResponseAsync(conversation, options, cancellationToken);
        await RecordAsync(conversation, cancellationToken);
        return response;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var conversation = messages as IReadOnlyCollection<ChatMessage> ?? [.. messages];
        await foreach (var update in _inner.GetStreamingResponseAsync(conversation, options, cancellationToken))
        {
            yield return update;
        }

        await RecordAsync(conversation, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is null && serviceType.IsInstanceOfType(this) ? this : _inner.GetService(serviceType, serviceKey);
    }

    /// <summary>Disposes the inner client.</summary>
    public void Dispose() => _inner.Dispose();

    private async Task RecordAsync(IReadOnlyCollection<ChatMessage> conversation, CancellationToken cancellationToken)
    {
        var text = conversation.LastOrDefault() is { } last && last.Role == ChatRole.User ? last.Text : "";
        if (string.IsNullOrWhiteSpace(text))
        {
            return;
        }

        try
        {
            var context = conversation.SkipLast(1).LastOrDefault(message => message.Role == ChatRole.Assistant)?.Text ?? "";
            await _recorder.RecordAsync(context, text, cancellationToken);
        }
        catch (ConsentRequiredException)
        {
            // The person did not say yes: that is no failure.
        }
        catch (Exception exception) when (exception is PersonalizeException or ObjectDisposedException)
        {
            NotStored(_logger, exception.GetType().Name);
        }
    }

    // Not even the message of the exception: another one's could hold a path that names a person.
    [LoggerMessage(1, LogLevel.Warning, "What the person wrote was not stored: {Reason}")]
    private static partial void NotStored(ILogger logger, string reason);
}

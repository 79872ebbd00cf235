using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Options;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Inference.Adapters;
using Personalize.Inference.Chat;
using Personalize.Inference.Decoding;

namespace Personalize.Hosting.Chat;

/// <summary>
/// Answers with the adapter in use in the person's profile, and with the base model while there is none. Between two answers it looks whether another adapter was promoted, by the overnight job, by the command or by a roll-back, and goes over to it;
/// answers under way end with the adapter they began with. Safe to use from several threads.
/// </summary>
/// <remarks>An answer throws what <see cref="PersonalizeChatClient"/> throws and, where the adapter has to be read first, <see cref="AdapterRegistryException"/> (the one of <see cref="PersonalizationOptions.AdapterId"/> is gone), <see cref="AdapterMismatchException"/> (it belongs to another base), or what opening the profile throws.</remarks>
public sealed class PersonalizedChatClient : IChatClient
{
    private const int DefaultContextLength = 2048;
    private readonly PersonalModel _model;
    private readonly PersonalProfile _profile;
    private readonly PersonalizationOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private ServedAdapter? _current;
    private long _checked;
    private bool _isDisposed;

    /// <summary>Prepares the client; nothing is loaded before the first request.</summary>
    /// <param name="model">The base model; must outlive the client.</param>
    /// <param name="profile">Says which adapter is in use.</param>
    /// <param name="options">How to work.</param>
    /// <param name="time">The clock.</param>
    public PersonalizedChatClient(PersonalModel model, PersonalProfile profile, IOptions<PersonalizationOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_model, _profile, _options, _time) = (model, profile, options.Value, time);
    }

    /// <summary>The id of the adapter that the next answer is given with, or null for the base model.</summary>
    /// <exception cref="PersonalizeException">The adapter or the profile cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public string? AdapterId
    {
        get
        {
            var served = Enter();
            Leave(served);
            return served.Id;
        }
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var served = Enter();
        try
        {
            return await served.Client.GetResponseAsync(messages, options, cancellationToken);
        }
        finally
        {
            Leave(served);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var served = Enter();
        try
        {
            await foreach (var update in served.Client.GetStreamingResponseAsync(messages, options, cancellationToken))
            {
                yield return update;
            }
        }
        finally
        {
            Leave(served);
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
        {
            return null;
        }

        return serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(_model) ? _model
            : serviceType == typeof(ChatClientMetadata) ? new ChatClientMetadata("personalize", providerUri: null, Path.GetFileNameWithoutExtension(_options.ModelPath))
            : null;
    }

    /// <summary>Frees the conversations, those of answers under way when they end.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _current?.Replace();
            _current = null;
        }
    }

    private ServedAdapter Enter()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_current is null || (_options.AdapterId is null && _time.GetElapsedTime(_checked) >= _options.PromotionCheckInterval))
            {
                Refresh();
            }

            _current!.Enter();
            return _current;
        }
    }

    private void Leave(ServedAdapter served)
    {
        lock (_gate)
        {
            served.Leave();
        }
    }

    private void Refresh()
    {
        var adapter = Find(out var id);
        if (_current is null || !string.Equals(_current.Id, id, StringComparison.Ordinal))
        {
            var next = Serve(id, adapter);
            _current?.Replace();
            _current = next;
        }

        _checked = _time.GetTimestamp();
    }

    // Null where the adapter is served already, or there is none.
    private LoraAdapter? Find(out string? id)
    {
        id = null;
        if (_options.AdapterId is null && !_profile.Exists)
        {
            return null;
        }

        using var profile = _profile.OpenForReading();
        id = (_options.AdapterId is { } wanted ? profile.Adapters.Get(wanted) : profile.Adapters.GetPromoted())?.Id;
        return id is null || string.Equals(id, _current?.Id, StringComparison.Ordinal) ? null : profile.Adapters.Load(id);
    }

    private ServedAdapter Serve(string? id, LoraAdapter? adapter)
    {
        var model = _model.Model;
        var chat = _options.Chat ?? new PersonalizeChatOptions { Session = new DecoderSessionOptions { ContextLength = Math.Min(DefaultContextLength, model.Description.ContextLength) } };
        var attached = adapter is null ? null : new AttachedAdapter(adapter, model, _model.Pool);
        try
        {
            return new ServedAdapter(id, new PersonalizeChatClient(model, _model.Format, _model.Pool, chat, attached, _time), attached);
        }
        catch
        {
            attached?.Dispose();
            throw;
        }
    }
}

namespace Personalize.Inference.Chat;

/// <summary>The sessions of a client: made when needed, up to a number, each used by one answer at a time. Safe to use from several threads.</summary>
/// <remarks>
/// A prompt gets a free session that loses nothing by it: one whose tokens the prompt continues or repeats, of several the one that shares most. Otherwise a new one while there is room, otherwise the free one that was used longest ago.
/// So a conversation finds its tokens as long as no more than the sessions' number of others were answered since. What a prompt shares with the beginning of another free session, such as a system prompt, is copied from there
/// and not computed; from a session in use nothing is copied.
/// </remarks>
internal sealed class ChatSessionPool : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Func<ChatSession> _create;
    private readonly List<ChatSession> _free = [];
    private readonly SemaphoreSlim _places;
    private readonly int _capacity;
    private int _made;
    private long _uses;
    private bool _disposed;

    /// <summary>Starts without sessions.</summary>
    public ChatSessionPool(int capacity, Func<ChatSession> create)
    {
        _capacity = capacity;
        _create = create;
        _places = new SemaphoreSlim(capacity);
    }

    /// <summary>Waits for a session and takes it.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public async Task<ChatSession> TakeAsync(int[] prompt, CancellationToken cancellationToken) =>
        (await TakeAsync(() => Continued(prompt) ?? NewOrOldest(), cancellationToken, session => TakePrefix(session, prompt)).ConfigureAwait(false))!;

    /// <summary>Waits for a place and takes the free session that holds the given tokens, all or all but the last.</summary>
    /// <returns>Null where there is none, or it is in use.</returns>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public Task<ChatSession?> TryTakeHolderAsync(int[] tokens, CancellationToken cancellationToken) =>
        TakeAsync(() => _free.Find(session => session.SharedWith(tokens) is var shared && shared >= tokens.Length - 1 && shared >= Math.Min(session.Count, tokens.Length)), cancellationToken);

    /// <summary>Waits for a place and takes a new session, or the free one that was used longest ago.</summary>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public async Task<ChatSession> TakeAnyAsync(CancellationToken cancellationToken) => (await TakeAsync(NewOrOldest, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Gives a session back.</summary>
    public void Return(ChatSession session)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                session.Dispose();
            }
            else
            {
                _free.Add(session);
            }
        }

        _places.Release();
    }

    /// <summary>Frees all sessions; those in use when they come back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _free.ForEach(session => session.Dispose());
            _free.Clear();
        }
    }

    // Chooses and takes within the lock; without a session the place is given back.
    private async Task<ChatSession?> TakeAsync(Func<ChatSession?> choose, CancellationToken cancellationToken, Action<ChatSession>? prepare = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        ChatSession? session = null;
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                session = choose();
                if (session is not null)
                {
                    _free.Remove(session);
                    session.LastUse = ++_uses;
                    prepare?.Invoke(session);
                }
            }
        }
        finally
        {
            if (session is null)
            {
                _places.Release();
            }
        }

        return session;
    }

    // Within the lock, since the other session must not be taken meanwhile; a copy takes milliseconds where computing takes seconds.
    private void TakePrefix(ChatSession session, int[] prompt)
    {
        var most = session.Generator.ReusableFor(prompt);
        ChatSession? source = null;
        foreach (var other in _free)
        {
            var shared = other.SharedWith(prompt.AsSpan(0, prompt.Length - 1));
            if (shared > most)
            {
                (source, most) = (other, shared);
            }
        }

        if (source is not null)
        {
            session.Generator.TryTakePrefix(source.Generator, most);
        }
    }

    private ChatSession? Continued(int[] prompt)
    {
        ChatSession? best = null;
        var most = 0;
        foreach (var session in _free)
        {
            var shared = session.SharedWith(prompt);
            if (shared > most && (shared == session.Count || shared == prompt.Length))
            {
                (best, most) = (session, shared);
            }
        }

        return best;
    }

    private ChatSession NewOrOldest() => New() ?? _free.MinBy(candidate => candidate.LastUse)!;

    private ChatSession? New()
    {
        if (_made == _capacity)
        {
            return null;
        }

        var session = _create();
        _made++;
        return session;
    }
}

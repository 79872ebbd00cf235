using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Generation;

/// <summary>What a generator holds of its conversation: shared with another one, saved, restored.</summary>
public sealed partial class TextGenerator
{
    private const byte NoSupplement = 0;
    private const byte Supplement = 1;

    /// <summary>Saves the conversation, sealed in the profile: its tokens, their keys and values, and what they were computed with.</summary>
    /// <param name="archive">The profile's conversations.</param>
    /// <param name="name">From 1 to 64 ASCII letters, digits, hyphens and underscores; what was saved under it before is replaced.</param>
    /// <exception cref="InvalidOperationException">A text is not finished.</exception>
    /// <exception cref="NotSupportedException">The session is not a <see cref="DecoderSession"/>.</exception>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or the file system refused.</exception>
    public void Save(ConversationArchive archive, string name) => Save(archive, name, writeSupplement: null);

    /// <summary>Goes on with a saved conversation in the place of what the generator holds: no token is computed again, and what follows is the same to the bit.</summary>
    /// <param name="archive">The profile's conversations.</param>
    /// <param name="name">The name it was saved under.</param>
    /// <returns>False, and nothing is changed, where nothing is saved under the name.</returns>
    /// <exception cref="ConversationRestoreException">It was computed with another model, adapter or kind of session, or the file is damaged. The generator then holds no tokens and can be used.</exception>
    /// <exception cref="InvalidOperationException">A text is not finished.</exception>
    /// <exception cref="NotSupportedException">The session is not a <see cref="DecoderSession"/>.</exception>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    /// <exception cref="ProfileAccessException">The file cannot be read.</exception>
    public bool TryRestore(ConversationArchive archive, string name) => TryRestore(archive, name, readSupplement: null);

    /// <summary>Saves the conversation with something of the caller's behind it.</summary>
    internal void Save(ConversationArchive archive, string name, Action<Stream>? writeSupplement)
    {
        ArgumentNullException.ThrowIfNull(archive);
        var session = Restorable;
        Begin();
        try
        {
            archive.Write(name, stream =>
            {
                session.Save(stream, _cached.ToArray());
                stream.WriteByte(writeSupplement is null ? NoSupplement : Supplement);
                writeSupplement?.Invoke(stream);
            });
        }
        finally
        {
            End();
        }
    }

    /// <summary>Restores a conversation and what the caller saved with it.</summary>
    /// <exception cref="ConversationRestoreException">As <see cref="TryRestore(ConversationArchive, string)"/>; also where there is nothing of the caller's, or it ends too early or is malformed.</exception>
    internal bool TryRestore(ConversationArchive archive, string name, Action<Stream>? readSupplement)
    {
        ArgumentNullException.ThrowIfNull(archive);
        var session = Restorable;
        if (!archive.Contains(name))
        {
            return false;
        }

        Begin();
        try
        {
            using var stream = archive.OpenRead(name);
            if (stream is null)
            {
                return false;
            }

            _cached.Clear();
            var tokens = session.Restore(stream, name);

            var supplement = stream.ReadByte();
            if (readSupplement is not null && supplement == Supplement)
            {
                readSupplement(stream);
            }
            else if (readSupplement is not null || supplement is not (NoSupplement or Supplement))
            {
                throw new ConversationRestoreException(ConversationRestoreError.Malformed, name);
            }

            // Reading on to the end authenticates that nothing is missing.
            stream.CopyTo(Stream.Null);
            _cached.AddRange(tokens);
            return true;
        }
        catch (Exception exception)
        {
            _cached.Clear();
            _session.TruncateTo(0);
            if (ReasonOf(exception) is { } reason)
            {
                throw new ConversationRestoreException(reason, name, exception);
            }

            throw;
        }
        finally
        {
            End();
        }
    }

    /// <summary>Forgets what lies behind a position, if the session can go back there.</summary>
    internal void CutTo(int position)
    {
        if (position < _cached.Count && _session.CanTruncateTo(position))
        {
            TakeBack(position);
        }
    }

    /// <summary>How many tokens of a prompt need not be computed.</summary>
    internal int ReusableFor(ReadOnlySpan<int> prompt)
    {
        // The last token is always fed, for its logits.
        var shared = SharedWith(prompt[..^1]);

        // What a bounded cache no longer holds has to be computed again from the start.
        return _session.CanTruncateTo(shared) ? shared : 0;
    }

    /// <summary>How many tokens at the beginning of a prompt are held.</summary>
    internal int SharedWith(ReadOnlySpan<int> prompt)
    {
        // A session whose adapter was exchanged has forgotten its tokens.
        var held = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_cached)[..Math.Min(_cached.Count, _session.Position)];
        return held.CommonPrefixLength(prompt);
    }

    /// <summary>Holds the first tokens of another conversation from here on, copied and not computed.</summary>
    /// <returns>False where the two have not the same kind of session; nothing is changed then.</returns>
    internal bool TryTakePrefix(TextGenerator source, int count)
    {
        if (!_session.TryTakePrefix(source._session, count))
        {
            return false;
        }

        _cached.Clear();
        _cached.AddRange(source._cached.Take(count));
        return true;
    }

    private IRestorableSession Restorable => _session as IRestorableSession ?? throw new NotSupportedException($"A {_session.GetType().Name} cannot be saved or restored.");

    private static ConversationRestoreError? ReasonOf(Exception exception) => exception switch
    {
        StoreIntegrityException { Error: StoreIntegrityError.Truncated } => ConversationRestoreError.Truncated,
        StoreIntegrityException { Error: StoreIntegrityError.NotAuthentic } => ConversationRestoreError.NotAuthentic,
        StoreIntegrityException or EndOfStreamException or FormatException => ConversationRestoreError.Malformed,
        ProfileVersionException => ConversationRestoreError.NewerVersion,
        _ => null,
    };
}

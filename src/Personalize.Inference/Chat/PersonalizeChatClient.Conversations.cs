using System.Text;
using Microsoft.Extensions.AI;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Inference.Chat;

/// <summary>Conversations put away in the profile and taken up again.</summary>
public sealed partial class PersonalizeChatClient
{
    /// <summary>Saves what the client computed for a conversation, sealed in the profile, so that a later client of the same model, adapter and options goes on without computing a token again.</summary>
    /// <param name="messages">The conversation with its last answer, as it would be sent again.</param>
    /// <param name="options">The options it was sent with, of which the instructions count; or null.</param>
    /// <param name="archive">The profile's conversations.</param>
    /// <param name="name">From 1 to 64 ASCII letters, digits, hyphens and underscores; what was saved under it before is replaced.</param>
    /// <param name="cancellationToken">Looked at while waiting for the conversation.</param>
    /// <returns>False where the client no longer holds the conversation, never answered in it, or answers in it now; nothing is written then.</returns>
    /// <exception cref="NotSupportedException">A message has a role or content that the model cannot read.</exception>
    /// <exception cref="ArgumentException">There is no message, or not such a name.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or the file system refused.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async Task<bool> TrySaveConversationAsync(IEnumerable<ChatMessage> messages, ChatOptions? options, ConversationArchive archive, string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(archive);
        var conversation = _format.Render(ChatRequest.Messages(messages, options), addGenerationPrompt: false);
        var (found, answers) = _transcripts.Find(conversation);
        if (found?.CutTo(answers) is not { } transcript || !transcript.Covers(conversation))
        {
            return false;
        }

        var session = await _sessions.TryTakeHolderAsync(transcript.Ids.ToArray(), cancellationToken).ConfigureAwait(false);
        if (session is null)
        {
            return false;
        }

        try
        {
            session.Generator.Save(archive, name, stream =>
            {
                using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
                transcript.Write(writer);
            });
            return true;
        }
        finally
        {
            _sessions.Return(session);
        }
    }

    /// <summary>Takes up a saved conversation: the next request that continues it finds its tokens computed. It takes a place among the conversations that are kept.</summary>
    /// <param name="archive">The profile's conversations.</param>
    /// <param name="name">The name it was saved under.</param>
    /// <param name="cancellationToken">Looked at while waiting for a place.</param>
    /// <returns>False where nothing is saved under the name.</returns>
    /// <exception cref="ConversationRestoreException">It was computed with another model, adapter or kind of session, was not saved by a client, or the file is damaged. The client goes on, and computes the conversation anew.</exception>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    /// <exception cref="ProfileAccessException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async Task<bool> TryRestoreConversationAsync(ConversationArchive archive, string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(archive);
        if (!archive.Contains(name))
        {
            return false;
        }

        var session = await _sessions.TakeAnyAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Transcript? transcript = null;
            var isThere = session.Generator.TryRestore(archive, name, stream =>
            {
                using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
                transcript = Transcript.Read(reader);
            });
            if (transcript is not null)
            {
                // The session may have held more than the conversation, such as an answer that was left.
                session.Generator.CutTo(transcript.Ids.Length);
                _transcripts.Add(transcript, before: null);
            }

            return isThere;
        }
        finally
        {
            _sessions.Return(session);
        }
    }
}

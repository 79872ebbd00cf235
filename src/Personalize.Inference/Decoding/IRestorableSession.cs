using Personalize.Core.Errors;

namespace Personalize.Inference.Decoding;

/// <summary>A session that can be written out and read back, so that no token is computed again.</summary>
internal interface IRestorableSession
{
    /// <summary>Writes what a later session of the same model, adapter and options needs to go on to the bit.</summary>
    /// <param name="stream">Written to and left open.</param>
    /// <param name="tokens">The tokens that were fed, all of them.</param>
    void Save(Stream stream, ReadOnlySpan<int> tokens);

    /// <summary>Reads what <see cref="Save"/> wrote, in the place of what the session holds.</summary>
    /// <param name="stream">Read exactly as far as was written; left open.</param>
    /// <param name="name">What errors call the conversation.</param>
    /// <returns>The tokens.</returns>
    /// <exception cref="ConversationRestoreException">It is of another model, adapter or layout, or is not a conversation.</exception>
    /// <exception cref="EndOfStreamException">The stream ends before.</exception>
    /// <remarks>Whatever is thrown, the session is left without tokens.</remarks>
    int[] Restore(Stream stream, string name);
}

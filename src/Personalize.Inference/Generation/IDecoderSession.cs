using Personalize.Core.Errors;

namespace Personalize.Inference.Generation;

/// <summary>One conversation with a decoder: the keys and values of the tokens so far, and the logits after the last of them. Not thread-safe; several sessions may share one model.</summary>
public interface IDecoderSession
{
    /// <summary>How many tokens were fed and not taken back: the position the next token gets.</summary>
    int Position { get; }

    /// <summary>How many tokens can be fed; <see cref="int.MaxValue"/> where the cache is bounded and the stream is not.</summary>
    int ContextLength { get; }

    /// <summary>How many logits a token gets.</summary>
    int VocabularySize { get; }

    /// <summary>The logits after the last token that was fed, <c>[vocabulary]</c>; valid until the next call that feeds or removes tokens.</summary>
    /// <exception cref="InvalidOperationException">Nothing was fed since the session began or was truncated.</exception>
    ReadOnlySpan<float> Logits { get; }

    /// <summary>How many tokens <see cref="Verify"/> takes at most; at least 1.</summary>
    int MaxVerifyTokens { get; }

    /// <summary>Feeds several tokens in chunks. Logits are computed for the last one only.</summary>
    /// <param name="tokens">At least one token id, each below <see cref="VocabularySize"/>.</param>
    /// <param name="cancellationToken">Looked at between chunks; what was fed before stays in the cache and counts in <see cref="Position"/>.</param>
    /// <exception cref="ContextLengthException">More tokens than can be fed; nothing was fed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled between two chunks.</exception>
    void Prefill(ReadOnlySpan<int> tokens, CancellationToken cancellationToken);

    /// <summary>Feeds one token.</summary>
    /// <param name="token">A token id below <see cref="VocabularySize"/>.</param>
    /// <exception cref="ContextLengthException"><see cref="ContextLength"/> tokens were fed before; nothing was fed.</exception>
    void Decode(int token);

    /// <summary>Feeds a token and drafted ones in one pass and computes the logits after each of them; the same to the bit as feeding them one by one.</summary>
    /// <param name="tokens">From 1 to <see cref="MaxVerifyTokens"/> token ids, each below <see cref="VocabularySize"/>.</param>
    /// <exception cref="ContextLengthException">More tokens than the cache has room for; nothing was fed.</exception>
    void Verify(ReadOnlySpan<int> tokens);

    /// <summary>The logits after one of the tokens of the last <see cref="Verify"/>, <c>[vocabulary]</c>; valid until tokens are fed or removed.</summary>
    /// <param name="index">The token's index in that call.</param>
    /// <returns>As many numbers as the vocabulary has tokens.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The last call did not verify that many tokens.</exception>
    ReadOnlySpan<float> VerifiedLogits(int index);

    /// <summary>Whether <see cref="TruncateTo"/> can go back to a position: a bounded cache holds only the last tokens. Back to 0 it always can.</summary>
    /// <param name="position">From 0 to <see cref="Position"/>.</param>
    /// <returns>True where all that the next token would see is still held.</returns>
    bool CanTruncateTo(int position) => position >= 0 && position <= Position;

    /// <summary>Forgets all tokens from <paramref name="position"/> on. There are no logits until a token is fed again.</summary>
    /// <param name="position">From 0 to <see cref="Position"/>.</param>
    /// <exception cref="InvalidOperationException">The tokens before it are no longer held; see <see cref="CanTruncateTo"/>.</exception>
    void TruncateTo(int position);

    /// <summary>Forgets everything and holds the first tokens of another conversation instead, copied and not computed: what follows is the same to the bit. There are no logits until a token is fed.</summary>
    /// <param name="source">The other conversation, which stays as it is and must not be used meanwhile.</param>
    /// <param name="count">How many of its tokens.</param>
    /// <returns>False, and nothing is changed, where the other one has another model, adapter, arithmetic or kind of cache, or no longer holds what the next token would see.</returns>
    bool TryTakePrefix(IDecoderSession source, int count) => false;
}

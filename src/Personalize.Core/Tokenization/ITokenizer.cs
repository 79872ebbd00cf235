namespace Personalize.Core.Tokenization;

/// <summary>Turns text into token ids and back. Implementations are immutable and safe to share between threads.</summary>
public interface ITokenizer
{
    /// <summary>How many ids there are; valid ids are 0 up to but not including it.</summary>
    int VocabularySize { get; }

    /// <summary>The token that starts a text, if the model has one.</summary>
    int? BeginningOfText { get; }

    /// <summary>The token that ends a text, if the model has one.</summary>
    int? EndOfText { get; }

    /// <summary>The token that ends a turn of a conversation, if the model has one.</summary>
    int? EndOfTurn { get; }

    /// <summary>The tokens after which a reply is over.</summary>
    IReadOnlySet<int> StopTokens { get; }

    /// <summary>Whether the model was trained with <see cref="BeginningOfText"/> before every text. <c>Encode</c> never adds it by itself; chat templates write it where it belongs.</summary>
    bool PrependsBeginningOfText { get; }

    /// <summary>Says whether a token marks structure (start or end of text or turn) and so may only come from trusted text.</summary>
    /// <param name="id">A token id.</param>
    /// <returns>True for special tokens.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    bool IsSpecial(int id);

    /// <summary>The bytes that a token stands for. A token may hold a part of a character only.</summary>
    /// <param name="id">A token id.</param>
    /// <returns>UTF-8 bytes, or a part of them; owned by the tokenizer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    ReadOnlySpan<byte> GetTokenBytes(int id);

    /// <summary>Encodes a text, either with special tokens recognized everywhere or nowhere.</summary>
    /// <param name="text">Any string; lone surrogates count as U+FFFD.</param>
    /// <param name="parseSpecialTokens">True recognizes special tokens in the text: only for text that no person wrote.</param>
    /// <returns>The ids.</returns>
    int[] Encode(string text, bool parseSpecialTokens);

    /// <summary>Encodes a text as one string, recognizing special tokens only where they lie wholly in trusted units.</summary>
    /// <param name="prompt">The text and its untrusted ranges.</param>
    /// <returns>The ids.</returns>
    int[] Encode(RenderedPrompt prompt);

    /// <summary>The text of the ids. Bytes that are not UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="includeSpecialTokens">Whether special tokens are written out or left away.</param>
    /// <returns>The text.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    string Decode(ReadOnlySpan<int> ids, bool includeSpecialTokens);
}

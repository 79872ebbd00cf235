using System.Text;

namespace Personalize.Core.Tokenization;

/// <summary>Turns ids into text as they come. Every piece is whole characters, and all pieces with the last one from <see cref="Flush"/> are exactly what <see cref="ITokenizer.Decode"/> says of all ids. Not thread-safe: one instance a stream.</summary>
public sealed class StreamingDecoder
{
    private readonly ITokenizer _tokenizer;
    private readonly bool _includeSpecialTokens;

    // Keeps the bytes of an unfinished character, and replaces what can no longer become one.
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>Starts a stream.</summary>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="includeSpecialTokens">Whether special tokens are written out or left away.</param>
    public StreamingDecoder(ITokenizer tokenizer, bool includeSpecialTokens)
    {
        _tokenizer = tokenizer;
        _includeSpecialTokens = includeSpecialTokens;
    }

    /// <summary>Takes the next token.</summary>
    /// <param name="id">A token id.</param>
    /// <returns>The text that is certain now; empty while a character is unfinished.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary.</exception>
    public string Append(int id) => _tokenizer.IsSpecial(id) && !_includeSpecialTokens ? "" : Convert(_tokenizer.GetTokenBytes(id), flush: false);

    /// <summary>Ends the stream; an unfinished character becomes U+FFFD. Afterwards a new stream may start.</summary>
    /// <returns>What was still held back.</returns>
    public string Flush() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        var capacity = Encoding.UTF8.GetMaxCharCount(bytes.Length);
        Span<char> characters = capacity <= 256 ? stackalloc char[256] : new char[capacity];
        return new string(characters[.._decoder.GetChars(bytes, characters, flush)]);
    }
}

using System.Buffers;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization;

/// <summary>Byte-level byte-pair encoding as of GPT-2: text is cut at special tokens, then into pieces by the pre-tokenizer, and the bytes of each piece are merged by rank. Immutable; safe to share between threads.</summary>
/// <remarks>
/// Special are control and unknown tokens, the ids that the file names as start and end, and user-defined tokens written <c>&lt;|...|&gt;</c>; plain text never encodes to one.
/// Other user-defined tokens are text and are recognized everywhere. Text is not normalized. A byte without a token of its own (SmolLM2 lacks 21) is left out, as the reference tokenizers do.
/// </remarks>
public sealed class BytePairTokenizer : ITokenizer
{
    private const int PieceBufferSize = 512;

    private static readonly string[] TurnEnds = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|end_of_turn|>", "<|eom_id|>"];
    private static readonly string[] TextEnds = ["<|endoftext|>", "<|end_of_text|>"];

    private readonly BytePairVocabulary _vocabulary;
    private readonly ITextSplitter _splitter;
    private readonly SpecialTokenMatcher _matcher;
    private readonly FrozenSet<int> _special;
    private readonly bool _prefersWholePieces;

    /// <summary>Builds the tokenizer and checks that its parts fit.</summary>
    /// <param name="definition">What the model file says. Not kept.</param>
    /// <exception cref="UnsupportedModelException">The kind of vocabulary or the pre-tokenizer is not implemented.</exception>
    /// <exception cref="TokenizerException">Tokens, types, merges and ids contradict each other.</exception>
    public BytePairTokenizer(TokenizerDefinition definition)
    {
        if (definition.Model != "gpt2")
        {
            var name = definition.Model == "llama" ? "llama (SentencePiece)" : definition.Model;
            throw new UnsupportedModelException("tokenizer.ggml.model", name, ["gpt2"]);
        }

        _splitter = TextSplitters.Create(definition.PreTokenizer);

        // Llama 3's reference takes a piece that is a token as it is, even where the merges would lead elsewhere.
        _prefersWholePieces = definition.PreTokenizer == "llama-bpe";
        _vocabulary = new BytePairVocabulary(definition);
        BeginningOfText = Check("tokenizer.ggml.bos_token_id", definition.BeginningOfText);
        EndOfText = Check("tokenizer.ggml.eos_token_id", definition.EndOfText);
        EndOfTurn = Check("tokenizer.ggml.eot_token_id", definition.EndOfTurn) ?? FindMarks(TurnEnds).Cast<int?>().FirstOrDefault();
        PrependsBeginningOfText = definition.PrependsBeginningOfText;
        StopTokens = FindMarks(TurnEnds).Concat(FindMarks(TextEnds)).Concat(Present(EndOfText)).Concat(Present(EndOfTurn)).ToFrozenSet();
        _special = Enumerable.Range(0, _vocabulary.Count).Where(id => IsMark(id, definition.Tokens[id])).Concat(Present(BeginningOfText)).Concat(StopTokens).ToFrozenSet();
        _matcher = new SpecialTokenMatcher(Enumerable.Range(0, _vocabulary.Count)
            .Where(id => _special.Contains(id) || _vocabulary.GetTokenType(id) == TokenType.UserDefined)
            .Select(id => (definition.Tokens[id], id, _special.Contains(id))));
    }

    /// <inheritdoc/>
    public int VocabularySize => _vocabulary.Count;

    /// <inheritdoc/>
    public int? BeginningOfText { get; }

    /// <inheritdoc/>
    public int? EndOfText { get; }

    /// <inheritdoc/>
    public int? EndOfTurn { get; }

    /// <inheritdoc/>
    public IReadOnlySet<int> StopTokens { get; }

    /// <inheritdoc/>
    public bool PrependsBeginningOfText { get; }

    /// <inheritdoc/>
    public bool IsSpecial(int id)
    {
        ThrowIfUnknown(id);
        return _special.Contains(id);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> GetTokenBytes(int id)
    {
        ThrowIfUnknown(id);
        return _vocabulary.GetBytes(id);
    }

    /// <inheritdoc/>
    public int[] Encode(string text, bool parseSpecialTokens) => Encode(parseSpecialTokens ? RenderedPrompt.Trusted(text) : RenderedPrompt.Untrusted(text));

    /// <inheritdoc/>
    public int[] Encode(RenderedPrompt prompt)
    {
        var text = prompt.Text;
        var ids = new List<int>((text.Length / 3) + 8);
        var start = 0;
        while (start < text.Length)
        {
            var id = _matcher.Find(text, start, prompt.UntrustedSpan, out var match);
            if (id < 0)
            {
                EncodePlain(text.AsSpan(start), ids);
                break;
            }

            EncodePlain(text.AsSpan(start..match.Start), ids);
            ids.Add(id);
            start = match.End;
        }

        return [.. ids];
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids, bool includeSpecialTokens)
    {
        var bytes = new ArrayBufferWriter<byte>(Math.Max(4 * ids.Length, 1));
        foreach (var id in ids)
        {
            if (includeSpecialTokens || !IsSpecial(id))
            {
                bytes.Write(GetTokenBytes(id));
            }
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    private static IEnumerable<int> Present(int? id) => id is int value ? [value] : [];

    private void EncodePlain(ReadOnlySpan<char> text, List<int> ids)
    {
        Span<byte> byteBuffer = stackalloc byte[PieceBufferSize];
        Span<int> symbolBuffer = stackalloc int[PieceBufferSize];
        while (!text.IsEmpty)
        {
            var piece = text[.._splitter.NextPiece(text)];
            text = text[piece.Length..];
            if (Encoding.UTF8.GetMaxByteCount(piece.Length) <= PieceBufferSize)
            {
                EncodePiece(byteBuffer[..Encoding.UTF8.GetBytes(piece, byteBuffer)], symbolBuffer, ids);
            }
            else
            {
                var bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
                Encoding.UTF8.GetBytes(piece, bytes);
                EncodePiece(bytes, new int[bytes.Length], ids);
            }
        }
    }

    private void EncodePiece(ReadOnlySpan<byte> piece, Span<int> symbols, List<int> ids)
    {
        if (_prefersWholePieces && _vocabulary.TryFindPiece(piece, out var whole) && !_special.Contains(whole))
        {
            ids.Add(whole);
            return;
        }

        var count = 0;
        foreach (var value in piece)
        {
            var token = _vocabulary.GetByteToken(value);
            if (token >= 0)
            {
                symbols[count++] = token;
            }
        }

        count = _vocabulary.Merges.Apply(symbols[..count]);
        var length = ids.Count;
        CollectionsMarshal.SetCount(ids, length + count);
        symbols[..count].CopyTo(CollectionsMarshal.AsSpan(ids)[length..]);
    }

    private int? Check(string key, int? id)
    {
        if (id is int value && (uint)value >= (uint)_vocabulary.Count)
        {
            throw new TokenizerException(key, null, $"{value} is not in the vocabulary of {_vocabulary.Count} tokens");
        }

        if (id is int mark && _vocabulary.GetTokenType(mark) == TokenType.Normal && _vocabulary.IsReachable(mark))
        {
            throw new TokenizerException(key, null, $"{mark} is a piece of ordinary text, so a text could end itself");
        }

        return id;
    }

    private IEnumerable<int> FindMarks(string[] texts) => texts.Select(_vocabulary.Find).OfType<int>().Where(id => _vocabulary.GetTokenType(id) is TokenType.Control or TokenType.UserDefined);

    private bool IsMark(int id, string text) => _vocabulary.GetTokenType(id) switch
    {
        TokenType.Control or TokenType.Unknown => true,

        // Some converters write the marks of chat templates as user-defined.
        TokenType.UserDefined => text.StartsWith("<|", StringComparison.Ordinal) && text.EndsWith("|>", StringComparison.Ordinal),
        _ => false,
    };

    private void ThrowIfUnknown(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, _vocabulary.Count);
    }
}

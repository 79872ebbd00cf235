using System.Buffers;
using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization;

/// <summary>A checked vocabulary: the bytes and the type of each token, the token of each byte, and the merges. Immutable; safe to share between threads.</summary>
internal sealed class BytePairVocabulary
{
    private const string TokensKey = "tokenizer.ggml.tokens";
    private const string TypesKey = "tokenizer.ggml.token_type";
    private const string MergesKey = "tokenizer.ggml.merges";

    private readonly byte[] _bytes;
    private readonly int[] _offsets;
    private readonly TokenType[] _types;
    private readonly int[] _byteTokens = new int[256];
    private readonly Dictionary<string, int> _ids;

    /// <summary>Checks and takes over a definition.</summary>
    /// <exception cref="TokenizerException">Tokens repeat, types or ids do not fit the tokens, a byte of plain ASCII text has no token, or a merge names tokens that are not there.</exception>
    public BytePairVocabulary(TokenizerDefinition definition)
    {
        var tokens = definition.Tokens;
        _types = ReadTypes(definition);
        _ids = new Dictionary<string, int>(tokens.Count, StringComparer.Ordinal);
        _offsets = new int[tokens.Count + 1];
        var bytes = new ArrayBufferWriter<byte>(Math.Max(8 * tokens.Count, 1));
        for (var id = 0; id < tokens.Count; id++)
        {
            if (!_ids.TryAdd(tokens[id], id))
            {
                throw new TokenizerException(TokensKey, id, $"the token is the same as token {_ids[tokens[id]]}");
            }

            // Marks and tokens outside the byte alphabet stand for their own text.
            if (_types[id] != TokenType.Normal || !ByteAlphabet.TryGetBytes(tokens[id], bytes))
            {
                Encoding.UTF8.GetBytes(tokens[id], bytes);
            }

            _offsets[id + 1] = bytes.WrittenCount;
        }

        _bytes = bytes.WrittenSpan.ToArray();
        ReadByteTokens();
        Merges = ReadMerges(definition.Merges);
    }

    public int Count => _types.Length;

    public BytePairMerges Merges { get; }

    public ReadOnlySpan<byte> GetBytes(int id) => _bytes.AsSpan(_offsets[id].._offsets[id + 1]);

    public TokenType GetTokenType(int id) => _types[id];

    public int? Find(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    /// <summary>The token of a byte, or -1 where the vocabulary has none.</summary>
    public int GetByteToken(byte value) => _byteTokens[value];

    /// <summary>The ordinary token that is a whole piece, if there is one.</summary>
    public bool TryFindPiece(ReadOnlySpan<byte> piece, out int id)
    {
        Span<char> symbols = piece.Length <= 256 ? stackalloc char[piece.Length] : new char[piece.Length];
        for (var i = 0; i < piece.Length; i++)
        {
            symbols[i] = ByteAlphabet.ToSymbol(piece[i]);
        }

        return _ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(symbols, out id) && _types[id] == TokenType.Normal;
    }

    /// <summary>Says whether plain text can encode to a token, other than as a whole piece.</summary>
    public bool IsReachable(int id) => _byteTokens.Contains(id) || Merges.Produces(id);

    private static TokenType[] ReadTypes(TokenizerDefinition definition)
    {
        var types = new TokenType[definition.Tokens.Count];
        if (definition.TokenTypes is null)
        {
            Array.Fill(types, TokenType.Normal);
            return types;
        }

        if (definition.TokenTypes.Count != types.Length)
        {
            throw new TokenizerException(TypesKey, null, $"has {definition.TokenTypes.Count} entries for {types.Length} tokens");
        }

        for (var id = 0; id < types.Length; id++)
        {
            types[id] = definition.TokenTypes[id];
            if (types[id] is < TokenType.Normal or > TokenType.Byte)
            {
                throw new TokenizerException(TypesKey, id, $"{(int)types[id]} is not a token type (1 to 6)");
            }

            if (types[id] != TokenType.Normal && definition.Tokens[id].Length == 0)
            {
                throw new TokenizerException(TokensKey, id, "a special token is empty");
            }
        }

        return types;
    }

    private void ReadByteTokens()
    {
        Span<char> symbol = stackalloc char[1];
        var lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var value = 0; value < _byteTokens.Length; value++)
        {
            symbol[0] = ByteAlphabet.ToSymbol((byte)value);
            _byteTokens[value] = lookup.TryGetValue(symbol, out var id) && _types[id] == TokenType.Normal ? id : -1;

            // SmolLM2 itself lacks 21 bytes (some controls, and lead bytes of unassigned planes), so only plain text is demanded.
            if (_byteTokens[value] < 0 && value is '\n' or (>= ' ' and <= '~'))
            {
                throw new TokenizerException(TokensKey, null, $"no token stands for the byte 0x{value:X2}");
            }
        }
    }

    private BytePairMerges ReadMerges(IReadOnlyList<string> merges)
    {
        var result = new BytePairMerges(merges.Count);
        var lookup = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> joined = stackalloc char[512];
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var merge = merges[rank].AsSpan();
            var space = merge.IndexOf(' ');
            if (space <= 0 || space == merge.Length - 1 || merge[(space + 1)..].Contains(' '))
            {
                throw new TokenizerException(MergesKey, rank, "is not two tokens separated by one space");
            }

            if (merge.Length - 1 > joined.Length)
            {
                joined = new char[merge.Length];
            }

            merge[..space].CopyTo(joined);
            merge[(space + 1)..].CopyTo(joined[space..]);
            if (!lookup.TryGetValue(merge[..space], out var left)
                || !lookup.TryGetValue(merge[(space + 1)..], out var right)
                || !lookup.TryGetValue(joined[..(merge.Length - 1)], out var product))
            {
                throw new TokenizerException(MergesKey, rank, "names a token that is not in the vocabulary");
            }

            if (_types[product] != TokenType.Normal)
            {
                // Otherwise plain text could spell a special token through merges.
                throw new TokenizerException(MergesKey, rank, $"makes token {product}, which is not an ordinary one");
            }

            if (!result.TryAdd(left, right, product))
            {
                throw new TokenizerException(MergesKey, rank, "repeats an earlier merge");
            }
        }

        return result;
    }
}

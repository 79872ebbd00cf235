using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization;

/// <summary>Trains a byte-level byte-pair vocabulary (arXiv 1508.07909, on bytes as GPT-2 does): from the 256 bytes on, the pair of neighbours that occurs most often becomes a token, until there are enough.</summary>
/// <remarks>
/// Pairs do not reach over the pieces of the pre-tokenizer. Of equally frequent pairs the one with the lower ids goes first, so that a text has one vocabulary. Pieces are counted once, and a merge
/// touches the pieces alone that hold its pair: some seconds for tens of megabytes. Stateless and thread-safe.
/// </remarks>
public static class BytePairTrainer
{
    private const int ByteCount = 256;

    /// <summary>Trains a vocabulary.</summary>
    /// <param name="texts">The texts; gone through once.</param>
    /// <param name="vocabularySize">How many tokens there are to be, the 256 bytes and the special ones among them.</param>
    /// <param name="preTokenizer">How text is cut into pieces, by GGUF's name: <c>gpt-2</c>, <c>smollm</c>, <c>llama-bpe</c> or <c>qwen2</c>.</param>
    /// <param name="specialTokens">The marks between texts, which plain text never encodes to; they get the highest ids, in their order.</param>
    /// <returns>Tokens, merges and types; fewer tokens than asked for where every pair that is left occurs only once. Start and end marks are not set.</returns>
    /// <exception cref="UnsupportedModelException">The pre-tokenizer is not implemented.</exception>
    public static TokenizerDefinition Train(IEnumerable<string> texts, int vocabularySize, string preTokenizer, IReadOnlyList<string> specialTokens)
    {
        ArgumentNullException.ThrowIfNull(texts);
        ArgumentNullException.ThrowIfNull(specialTokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, ByteCount + specialTokens.Count);
        var pieces = CountPieces(texts, TextSplitters.Create(preTokenizer));
        var tokens = Enumerable.Range(0, ByteCount).Select(value => ByteAlphabet.ToSymbol((byte)value).ToString()).ToList();
        var ids = tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id, StringComparer.Ordinal);
        var merges = new List<string>();
        var table = new PairCounts(pieces);
        while (tokens.Count < vocabularySize - specialTokens.Count && table.TryTakeMostFrequent(out var left, out var right))
        {
            // Two ways of cutting may spell the same token: the second one leads to the same id.
            var product = tokens[left] + tokens[right];
            if (!ids.TryGetValue(product, out var id))
            {
                ids.Add(product, id = tokens.Count);
                tokens.Add(product);
            }

            merges.Add($"{tokens[left]} {tokens[right]}");
            table.Merge(left, right, id);
        }

        var types = Enumerable.Repeat(TokenType.Normal, tokens.Count).Concat(Enumerable.Repeat(TokenType.Control, specialTokens.Count));
        return new TokenizerDefinition { Model = "gpt2", PreTokenizer = preTokenizer, Tokens = [.. tokens, .. specialTokens], Merges = merges, TokenTypes = [.. types] };
    }

    /// <summary>How often each piece occurs, in the order of first occurrence.</summary>
    private static List<(int[] Symbols, long Count)> CountPieces(IEnumerable<string> texts, ITextSplitter splitter)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        var order = new List<string>();
        var lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach (var text in texts)
        {
            for (var rest = text.AsSpan(); !rest.IsEmpty;)
            {
                var piece = rest[..splitter.NextPiece(rest)];
                if (lookup.TryGetValue(piece, out var count))
                {
                    lookup[piece] = count + 1;
                }
                else
                {
                    order.Add(piece.ToString());
                    counts.Add(order[^1], 1);
                }

                rest = rest[piece.Length..];
            }
        }

        return order.ConvertAll(piece => (Encoding.UTF8.GetBytes(piece).Select(value => (int)value).ToArray(), counts[piece]));
    }
}

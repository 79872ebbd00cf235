using System.Runtime.InteropServices;
using Personalize.Core.Interactions;
using Personalize.Core.Tokenization;

namespace Personalize.Inference.Retrieval;

/// <summary>
/// Finds a person's interactions that resemble a request: BM25 over the model's own tokens (Robertson and Zaragoza 2009),
/// <c>score(d, q) = sum over tokens t of q of ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5)) * f (k1 + 1) / (f + k1 (1 - b + b |d| / mean |d|))</c>, f being how often t stands in d and n(t) in how many of the N interactions.
/// </summary>
/// <remarks>
/// It holds tokens and counts, from which a text can be guessed; so it lives in memory only, is filled from the sealed store and never written anywhere: what is erased from the store has no copy to be forgotten here but
/// <see cref="Remove"/>. Memory is bounded by <see cref="RetrievalOptions.MaximumBytes"/>. Not thread-safe.
/// </remarks>
public sealed class InteractionIndex
{
    // What a posting, a token and an interaction take in the tables below, spare room included.
    private const int PostingBytes = 16;
    private const int TokenBytes = 96;
    private const int InteractionBytes = 96;

    private readonly ITokenizer _tokenizer;
    private readonly RetrievalOptions _options;
    private readonly Dictionary<int, List<Posting>> _postings = [];
    private readonly Dictionary<long, Entry> _entries = [];
    private readonly Queue<long> _oldestFirst = new();
    private long _tokens;
    private long _bytes;

    /// <summary>Creates an empty index.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="options">Bounds and weights; null for the defaults.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public InteractionIndex(ITokenizer tokenizer, RetrievalOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _options = options ?? new RetrievalOptions();
        _options.Validate();
    }

    /// <summary>How many interactions it knows.</summary>
    public int Count => _entries.Count;

    /// <summary>How many bytes it takes, about.</summary>
    public long Bytes => _bytes;

    /// <summary>Adds an interaction; where the memory does not suffice, the oldest ones go.</summary>
    /// <param name="interaction">Its context and text are tokenized; neither is kept.</param>
    /// <returns>Whether it was added: not if it is known already, or too large alone.</returns>
    public bool Add(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        if (_entries.ContainsKey(interaction.Id))
        {
            return false;
        }

        var counts = CountTokens($"{interaction.Context}\n{interaction.Text}");
        var needed = InteractionBytes + (counts.Count * (long)(PostingBytes + sizeof(int)));
        if (needed + (counts.Count * (long)TokenBytes) > _options.MaximumBytes)
        {
            return false;
        }

        foreach (var (token, count) in counts)
        {
            ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(_postings, token, out var known);
            list ??= [];
            list.Add(new Posting(interaction.Id, count));
            _bytes += known ? 0 : TokenBytes;
        }

        var length = counts.Values.Sum();
        _entries.Add(interaction.Id, new Entry(length, [.. counts.Keys]));
        _oldestFirst.Enqueue(interaction.Id);
        _tokens += length;
        _bytes += needed;
        while (_bytes > _options.MaximumBytes && _oldestFirst.TryDequeue(out var oldest))
        {
            _ = Remove(oldest);
        }

        return true;
    }

    /// <summary>Forgets an interaction.</summary>
    /// <param name="interactionId">Its id in the store.</param>
    /// <returns>Whether it was known.</returns>
    public bool Remove(long interactionId)
    {
        if (!_entries.Remove(interactionId, out var entry))
        {
            return false;
        }

        foreach (var token in entry.Tokens)
        {
            var list = _postings[token];
            _ = list.RemoveAll(posting => posting.InteractionId == interactionId);
            if (list.Count == 0)
            {
                _ = _postings.Remove(token);
                _bytes -= TokenBytes;
            }
        }

        _tokens -= entry.Length;
        _bytes -= InteractionBytes + (entry.Tokens.Length * (long)(PostingBytes + sizeof(int)));
        return true;
    }

    /// <summary>Finds the interactions that resemble a request most.</summary>
    /// <param name="request">What is asked.</param>
    /// <returns>At most <see cref="RetrievalOptions.Count"/>, the most similar first, the newer before the older where they are equal; none that shares no token with the request.</returns>
    public IReadOnlyList<SimilarInteraction> Find(string request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var scores = new Dictionary<long, double>();
        var mean = _entries.Count == 0 ? 1 : Math.Max(1, (double)_tokens / _entries.Count);
        foreach (var token in CountTokens(request).Keys)
        {
            if (!_postings.TryGetValue(token, out var postings))
            {
                continue;
            }

            var rarity = Math.Log(1 + ((_entries.Count - postings.Count + 0.5) / (postings.Count + 0.5)));
            foreach (var posting in postings)
            {
                var length = _options.LengthPenalty * _entries[posting.InteractionId].Length / mean;
                var weight = posting.Count * (_options.Saturation + 1) / (posting.Count + (_options.Saturation * (1 - _options.LengthPenalty + length)));
                CollectionsMarshal.GetValueRefOrAddDefault(scores, posting.InteractionId, out _) += rarity * weight;
            }
        }

        return [.. scores.OrderByDescending(score => score.Value).ThenByDescending(score => score.Key).Take(_options.Count).Select(score => new SimilarInteraction(score.Key, score.Value))];
    }

    private Dictionary<int, int> CountTokens(string text)
    {
        var counts = new Dictionary<int, int>();
        foreach (var token in _tokenizer.Encode(text, parseSpecialTokens: false))
        {
            CollectionsMarshal.GetValueRefOrAddDefault(counts, token, out _)++;
        }

        return counts;
    }

    private readonly record struct Posting(long InteractionId, int Count);

    private sealed record Entry(int Length, int[] Tokens);
}

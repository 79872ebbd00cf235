using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>
/// Copies how the person's own earlier texts went on from here: after the longest sequence of latest tokens that occurs in them, always the token that followed most often (as SuffixDecoding does, arXiv 2411.04975), with how often it did.
/// Where more can be expected of what the text itself offers, that is copied (<see cref="LookupDrafter"/>).
/// </summary>
/// <remarks>Holds tokens of the person's texts in memory, up to a cap in bytes, and nowhere else. Texts that end are learned, so it grows as a chat goes on.</remarks>
public sealed class HistoryDrafter : IDrafter
{
    /// <summary>How many bytes the history may take by default: about 130,000 tokens.</summary>
    public const long DefaultMaxBytes = 1L << 20;

    private const int ShortestMatch = 2;
    private const int LongestMatch = 48;

    // How much of what stood before a turn is learned with it.
    private const int TokensBeforeTurn = 5;
    private readonly SuffixIndex _history;
    private readonly LookupDrafter _lookup = new();
    private int[] _lastText = [];

    /// <summary>Creates a drafter without any history.</summary>
    /// <param name="maxBytes">How many bytes the history may come to take, eight a token; the oldest goes first.</param>
    /// <exception cref="ArgumentOutOfRangeException">No room for a token.</exception>
    public HistoryDrafter(long maxBytes = DefaultMaxBytes) => _history = new SuffixIndex(maxBytes);

    /// <inheritdoc/>
    public double RelativeCost => 0;

    /// <inheritdoc/>
    public bool GivesProbabilities => false;

    /// <summary>How many bytes the history takes.</summary>
    public long ByteLength => _history.ByteLength;

    /// <summary>How many tokens the history holds, a mark after each text included.</summary>
    public int TokenCount => _history.Count;

    /// <summary>Adds a text to the history.</summary>
    /// <param name="tokens">The text as the model would read and write it; none below 0.</param>
    /// <exception cref="ArgumentException">A token is negative.</exception>
    public void Add(ReadOnlySpan<int> tokens)
    {
        if (tokens.ContainsAnyInRange(int.MinValue, -1))
        {
            throw new ArgumentException("a token is negative", nameof(tokens));
        }

        _history.Add(tokens);
    }

    /// <inheritdoc/>
    public void Begin(SamplingOptions sampling, int vocabularySize) => _lookup.Begin(sampling, vocabularySize);

    /// <inheritdoc/>
    public void Propose(ReadOnlySpan<int> sequence, Draft draft)
    {
        ArgumentNullException.ThrowIfNull(draft);
        _lookup.Propose(sequence, draft);
        var longest = draft.Limit == 0 ? 0 : LongestSuffix(sequence);
        if (longest < ShortestMatch)
        {
            return;
        }

        var expected = draft.ExpectedTokens;
        draft.Clear(draft.Limit);
        draft.Origin = DraftOrigin.History;
        draft.MatchLength = longest;
        Follow(sequence[^longest..], draft);
        if (draft.ExpectedTokens <= expected)
        {
            draft.Clear(draft.Limit);
            _lookup.Propose(sequence, draft);
        }
    }

    /// <inheritdoc/>
    public void End(ReadOnlySpan<int> sequence)
    {
        // A turn of a conversation repeats all turns before it: only what is new counts, with as much before it as a match needs.
        var known = sequence.CommonPrefixLength(_lastText);
        if (known < sequence.Length)
        {
            _history.Add(sequence[Math.Max(0, known - TokensBeforeTurn)..]);
            _lastText = sequence.ToArray();
        }
    }

    // Any suffix of a suffix that occurs occurs too, so the longest is found by bisection.
    private int LongestSuffix(ReadOnlySpan<int> sequence)
    {
        var shortest = ShortestMatch - 1;
        var longest = Math.Min(LongestMatch, sequence.Length);
        while (shortest < longest)
        {
            var middle = (shortest + longest + 1) / 2;
            var (start, end) = _history.Find(sequence[^middle..]);
            if (end > start)
            {
                shortest = middle;
            }
            else
            {
                longest = middle - 1;
            }
        }

        return shortest;
    }

    // The most frequent continuation, token after token, until the texts end.
    private void Follow(ReadOnlySpan<int> match, Draft draft)
    {
        var (start, end) = _history.Find(match);
        for (var depth = match.Length; draft.Count < draft.Limit; depth++)
        {
            var (bestStart, bestEnd) = (start, start);
            for (var at = start; at < end;)
            {
                var groupEnd = _history.EndOfGroup(at, end, depth);
                if (groupEnd - at > bestEnd - bestStart)
                {
                    (bestStart, bestEnd) = (at, groupEnd);
                }

                at = groupEnd;
            }

            var token = _history.TokenAt(bestStart, depth);
            if (token == SuffixIndex.EndOfText)
            {
                break;
            }

            draft.Add(token, bestEnd - bestStart, end - start);
            (start, end) = (bestStart, bestEnd);
        }
    }
}

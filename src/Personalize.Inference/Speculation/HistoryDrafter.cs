using Personalize.Inference.Sampling;

namespace Personalize.Inference.Speculation;

/// <summary>
/// Copies how the person's own earlier texts went on from here (SuffixDecoding, arXiv 2411.04975): from a suffix of the text, always the token that followed most often, as long as the product of its shares stays at
/// least a tenth and for at most eight tokens more than matched; of all suffixes the one with the largest sum of those products. Where the text itself offers a longer match, that is copied (<see cref="LookupDrafter"/>).
/// </summary>
/// <remarks>Holds tokens of the person's texts in memory, up to a cap in bytes, and nowhere else. Texts that end are learned, so it grows as a chat goes on.</remarks>
public sealed class HistoryDrafter : IDrafter
{
    /// <summary>How many bytes the history may take by default: about 130,000 tokens.</summary>
    public const long DefaultMaxBytes = 1L << 20;

    private const int ShortestMatch = 5;
    private const int LongestMatch = 48;
    private const int TokensBeyondMatch = 8;
    private const double SmallestProbability = 0.1;
    private readonly SuffixIndex _history;
    private readonly LookupDrafter _lookup = new();
    private int[] _path = [];
    private int[] _bestPath = [];
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
        if (draft.Limit == 0)
        {
            return;
        }

        var longest = LongestSuffix(sequence);
        if (longest < ShortestMatch || (draft.MatchLength >= longest && draft.Count > 0))
        {
            return;
        }

        var count = BestPath(sequence, longest, draft.Limit, out var match);
        if (count > 0)
        {
            draft.Clear(draft.Limit);
            draft.Origin = DraftOrigin.History;
            draft.MatchLength = match;
            foreach (var token in _bestPath.AsSpan(0, count))
            {
                draft.Add(token);
            }
        }
    }

    /// <inheritdoc/>
    public void End(ReadOnlySpan<int> sequence)
    {
        // A turn of a conversation repeats all turns before it: only what is new counts, with as much before it as a match needs.
        var known = sequence.CommonPrefixLength(_lastText);
        if (known < sequence.Length)
        {
            _history.Add(sequence[Math.Max(0, known - ShortestMatch)..]);
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

    private int BestPath(ReadOnlySpan<int> sequence, int longest, int limit, out int match)
    {
        match = 0;
        var bestCount = 0;
        var bestScore = 0.0;
        if (_path.Length < limit)
        {
            _path = new int[limit];
            _bestPath = new int[limit];
        }

        var occurrences = 0;
        for (var length = longest; length >= ShortestMatch; length--)
        {
            var (start, end) = _history.Find(sequence[^length..]);
            if (end - start == occurrences)
            {
                // The same places as before, from which fewer tokens may be taken.
                continue;
            }

            occurrences = end - start;
            var score = Follow(start, end, length, Math.Min(limit, length + TokensBeyondMatch), out var count);
            if (score > bestScore)
            {
                (match, bestCount, bestScore) = (length, count, score);
                (_path, _bestPath) = (_bestPath, _path);
            }
        }

        return bestCount;
    }

    // The sum, over the path's tokens, of the probability that the path holds up to there: how many tokens it is good for.
    private double Follow(int start, int end, int depth, int limit, out int count)
    {
        var probability = 1.0;
        var score = 0.0;
        for (count = 0; count < limit; count++, depth++)
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
            probability *= (double)(bestEnd - bestStart) / (end - start);
            if (token == SuffixIndex.EndOfText || probability < SmallestProbability)
            {
                break;
            }

            _path[count] = token;
            score += probability;
            (start, end) = (bestStart, bestEnd);
        }

        return score;
    }
}

using System.Buffers;

namespace Personalize.Core.Tokenization;

/// <summary>Finds the tokens that are cut out of text before it is split: the leftmost match, the longest among those that start there. Immutable; safe to share between threads.</summary>
internal sealed class SpecialTokenMatcher
{
    private readonly Dictionary<char, List<Entry>> _byFirst = [];
    private readonly SearchValues<char> _firsts;

    /// <summary>Takes the tokens to look for.</summary>
    /// <param name="tokens">Text, id, and whether the token may only be matched in trusted text.</param>
    public SpecialTokenMatcher(IEnumerable<(string Text, int Id, bool NeedsTrust)> tokens)
    {
        foreach (var (text, id, needsTrust) in tokens.OrderByDescending(token => token.Text.Length))
        {
            if (!_byFirst.TryGetValue(text[0], out var entries))
            {
                _byFirst.Add(text[0], entries = []);
            }

            entries.Add(new Entry(text, id, needsTrust));
        }

        _firsts = SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>Finds the next match.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="start">Where to start looking.</param>
    /// <param name="untrusted">The untrusted ranges of the text.</param>
    /// <param name="match">Where the token lies.</param>
    /// <returns>The token's id, or -1 where there is none.</returns>
    public int Find(string text, int start, ReadOnlySpan<TextRange> untrusted, out TextRange match)
    {
        while (true)
        {
            var offset = text.AsSpan(start).IndexOfAny(_firsts);
            if (offset < 0)
            {
                match = default;
                return -1;
            }

            start += offset;
            foreach (var entry in _byFirst[text[start]])
            {
                if (text.AsSpan(start).StartsWith(entry.Text, StringComparison.Ordinal)
                    && !(entry.NeedsTrust && TextRanges.Intersects(untrusted, start, entry.Text.Length)))
                {
                    match = new TextRange(start, entry.Text.Length);
                    return entry.Id;
                }
            }

            start++;
        }
    }

    private readonly record struct Entry(string Text, int Id, bool NeedsTrust);
}

namespace Personalize.Core.Tokenization;

/// <summary>Text for a model together with which of it came from people. Tokenizers recognize special tokens only outside the untrusted ranges, so nothing a person writes can open or close a turn. Immutable; safe to share between threads.</summary>
public sealed class RenderedPrompt
{
    private readonly TextRange[] _untrusted;

    /// <summary>Joins a text with the ranges of it that came from people.</summary>
    /// <param name="text">The whole text.</param>
    /// <param name="untrustedRanges">Non-empty ranges within the text, in order, not overlapping. Copied.</param>
    /// <exception cref="ArgumentException">A range is empty, leaves the text, or starts before the previous one ends.</exception>
    public RenderedPrompt(string text, IEnumerable<TextRange> untrustedRanges)
    {
        Text = text;
        _untrusted = [.. untrustedRanges];
        var end = 0;
        foreach (var range in _untrusted)
        {
            if (range.Start < end || range.Length <= 0 || range.Length > text.Length - range.Start)
            {
                throw new ArgumentException($"range at {range.Start} of {range.Length} units is empty, out of order, or outside the text of {text.Length} units", nameof(untrustedRanges));
            }

            end = range.End;
        }
    }

    /// <summary>The whole text.</summary>
    public string Text { get; }

    /// <summary>The ranges of <see cref="Text"/> that came from people, in order.</summary>
    public IReadOnlyList<TextRange> UntrustedRanges => _untrusted;

    internal ReadOnlySpan<TextRange> UntrustedSpan => _untrusted;

    /// <summary>A text in which special tokens count everywhere. Only for text that no person wrote.</summary>
    /// <param name="text">The text.</param>
    /// <returns>A prompt without untrusted ranges.</returns>
    public static RenderedPrompt Trusted(string text) => new(text, []);

    /// <summary>A text in which special tokens count nowhere.</summary>
    /// <param name="text">The text.</param>
    /// <returns>A prompt that is one untrusted range.</returns>
    public static RenderedPrompt Untrusted(string text) => new(text, text.Length == 0 ? [] : [new TextRange(0, text.Length)]);

    /// <summary>The prompt from a position to its end, ranges included.</summary>
    /// <param name="start">The first UTF-16 unit to keep.</param>
    /// <returns>A new prompt.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The position is outside the text.</exception>
    public RenderedPrompt From(int start)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Text.Length);
        return new RenderedPrompt(Text[start..], TextRanges.Slice(_untrusted, start, Text.Length - start));
    }

    /// <summary>Says whether no unit of a range came from people.</summary>
    /// <param name="start">The first UTF-16 unit.</param>
    /// <param name="length">How many units.</param>
    /// <returns>True where the range touches no untrusted one.</returns>
    public bool IsTrusted(int start, int length) => !TextRanges.Intersects(_untrusted, start, length);
}

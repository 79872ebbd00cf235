namespace Personalize.Inference.Generation;

/// <summary>Lets text through as soon as it can no longer be the beginning of a stop string.</summary>
internal sealed class StopStringFilter
{
    private readonly IReadOnlyList<string> _stops;
    private string _held = "";

    public StopStringFilter(IReadOnlyList<string> stops) => _stops = stops;

    /// <summary>Whether a stop string was met; everything from it on is dropped.</summary>
    public bool IsMatched { get; private set; }

    /// <summary>Takes the next piece and returns what is certain by now.</summary>
    public string Append(string piece)
    {
        if (_stops.Count == 0)
        {
            return piece;
        }

        if (IsMatched || piece.Length == 0)
        {
            return "";
        }

        var text = _held + piece;
        var first = FirstMatch(text);
        if (first >= 0)
        {
            IsMatched = true;
            _held = "";
            return text[..first];
        }

        var certain = text.Length - HeldLength(text);
        _held = text[certain..];
        return text[..certain];
    }

    /// <summary>Returns what was held back, once no more text comes.</summary>
    public string Flush()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    private int FirstMatch(string text)
    {
        var first = -1;
        foreach (var stop in _stops)
        {
            var index = text.IndexOf(stop, StringComparison.Ordinal);
            if (index >= 0 && (first < 0 || index < first))
            {
                first = index;
            }
        }

        return first;
    }

    // The longest end of the text that is a proper beginning of a stop string.
    private int HeldLength(string text)
    {
        var longest = 0;
        foreach (var stop in _stops)
        {
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}

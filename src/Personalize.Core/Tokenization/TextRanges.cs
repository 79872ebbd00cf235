namespace Personalize.Core.Tokenization;

/// <summary>Operations on sorted, disjoint ranges of a string.</summary>
internal static class TextRanges
{
    /// <summary>The parts of the ranges within a window, counted from the window's start.</summary>
    public static List<TextRange> Slice(ReadOnlySpan<TextRange> ranges, int start, int length)
    {
        var result = new List<TextRange>();
        var end = start + length;
        for (var i = FirstEndingAfter(ranges, start); i < ranges.Length && ranges[i].Start < end; i++)
        {
            var from = Math.Max(ranges[i].Start, start);
            result.Add(new TextRange(from - start, Math.Min(ranges[i].End, end) - from));
        }

        return result;
    }

    public static bool Intersects(ReadOnlySpan<TextRange> ranges, int start, int length)
    {
        var i = FirstEndingAfter(ranges, start);
        return i < ranges.Length && ranges[i].Start < start + length;
    }

    /// <summary>Appends a range, growing the last one where they touch.</summary>
    public static void Append(List<TextRange> ranges, TextRange range)
    {
        if (range.Length == 0)
        {
            return;
        }

        if (ranges.Count > 0 && ranges[^1].End == range.Start)
        {
            ranges[^1] = new TextRange(ranges[^1].Start, ranges[^1].Length + range.Length);
        }
        else
        {
            ranges.Add(range);
        }
    }

    private static int FirstEndingAfter(ReadOnlySpan<TextRange> ranges, int position)
    {
        var low = 0;
        var high = ranges.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (ranges[middle].End > position)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}

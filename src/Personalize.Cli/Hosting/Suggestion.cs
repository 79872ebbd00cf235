namespace Personalize.Cli.Hosting;

/// <summary>Guesses which word a mistyped one was meant to be.</summary>
internal static class Suggestion
{
    private const int LeastBeginning = 3;

    /// <summary>A part of a sentence, <c>; did you mean X?</c>, or nothing where no word is near.</summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="offered">What could have been typed.</param>
    public static string For(string typed, IEnumerable<string> offered)
    {
        var words = offered.ToArray();
        var begun = typed.Length >= LeastBeginning ? Array.Find(words, word => word.StartsWith(typed, StringComparison.OrdinalIgnoreCase)) : null;
        var near = begun ?? words.Where(word => Distance(typed, word) <= Math.Max(1, word.Length / 3)).MinBy(word => Distance(typed, word));
        return near is null ? "" : $"; did you mean {near}?";
    }

    /// <summary>How many letters must be put in, left out, replaced or swapped with their neighbour, case aside (optimal string alignment).</summary>
    public static int Distance(string left, string right)
    {
        left = left.ToLowerInvariant();
        right = right.ToLowerInvariant();
        var table = new int[left.Length + 1, right.Length + 1];
        for (var i = 0; i <= left.Length; i++)
        {
            for (var j = 0; j <= right.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    table[i, j] = i + j;
                    continue;
                }

                var replaced = table[i - 1, j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
                table[i, j] = Math.Min(replaced, 1 + Math.Min(table[i - 1, j], table[i, j - 1]));
                if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
                {
                    table[i, j] = Math.Min(table[i, j], 1 + table[i - 2, j - 2]);
                }
            }
        }

        return table[left.Length, right.Length];
    }
}

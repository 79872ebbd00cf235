using System.Globalization;

namespace Personalize.Cli.Presentation;

/// <summary>The course of a loss in one line: each mark is the mean of some steps.</summary>
internal static class Sparkline
{
    private const int Width = 48;
    private const string Blocks = "▁▂▃▄▅▆▇█";
    private const string Plain = "_.-~=+*#";

    /// <summary>Draws it.</summary>
    /// <param name="losses">The loss of each step.</param>
    /// <param name="unicode">Whether the terminal shows block characters.</param>
    /// <returns>Nothing for fewer than two finite losses.</returns>
    public static string Draw(IReadOnlyList<double> losses, bool unicode)
    {
        if (losses.Count < 2 || !losses.All(double.IsFinite))
        {
            return "";
        }

        var marks = unicode ? Blocks : Plain;
        var width = Math.Min(Width, losses.Count);
        var means = Enumerable.Range(0, width).Select(column => Mean(losses, column * losses.Count / width, (column + 1) * losses.Count / width)).ToArray();
        double lowest = means.Min(), highest = means.Max();
        var line = string.Concat(means.Select(mean => marks[highest > lowest ? (int)Math.Round((mean - lowest) / (highest - lowest) * (marks.Length - 1)) : marks.Length / 2]));
        return string.Create(CultureInfo.InvariantCulture, $"{means[0]:F2} {line} {means[^1]:F2}");
    }

    private static double Mean(IReadOnlyList<double> values, int start, int end)
    {
        var sum = 0d;
        for (var i = start; i < end; i++)
        {
            sum += values[i];
        }

        return sum / (end - start);
    }
}

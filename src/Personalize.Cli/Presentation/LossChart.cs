using System.Globalization;
using System.Text;

namespace Personalize.Cli.Presentation;

/// <summary>The course of a loss as a few lines of text: each column is the mean of some steps, eighths of a character tall.</summary>
internal static class LossChart
{
    private const int Width = 60;
    private const int Height = 6;
    private const int Eighths = 8;
    private const string Blocks = " ▁▂▃▄▅▆▇█";

    /// <summary>Draws it; nothing for fewer than two finite losses.</summary>
    /// <param name="losses">The loss of each step.</param>
    /// <returns>Lines, each ended.</returns>
    public static string Draw(IReadOnlyList<double> losses)
    {
        if (losses.Count < 2 || !losses.All(double.IsFinite))
        {
            return "";
        }

        var width = Math.Min(Width, losses.Count);
        var means = Enumerable.Range(0, width).Select(column => Mean(losses, column * losses.Count / width, (column + 1) * losses.Count / width)).ToArray();
        double lowest = means.Min(), highest = means.Max();
        var text = new StringBuilder();
        for (var row = Height - 1; row >= 0; row--)
        {
            var label = row == Height - 1 ? Label(highest) : row == 0 ? Label(lowest) : "";
            text.Append(CultureInfo.InvariantCulture, $"{label,8} ");
            foreach (var mean in means)
            {
                // At least one eighth everywhere: the lowest loss is not no loss.
                var share = highest > lowest ? (mean - lowest) / (highest - lowest) : 0.5;
                var level = 1 + (int)Math.Round(share * ((Height * Eighths) - 1));
                text.Append(Blocks[Math.Clamp(level - (row * Eighths), 0, Eighths)]);
            }

            text.Append('\n');
        }

        return text.Append(CultureInfo.InvariantCulture, $"{"loss",8} steps 1 to {losses.Count}\n").ToString();
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

    private static string Label(double value) => value.ToString("F3", CultureInfo.InvariantCulture);
}

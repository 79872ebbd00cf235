namespace Personalize.Cli.Benchmarks;

/// <summary>Texts of a scenario that can only be told apart once they are there.</summary>
/// <param name="Name">What the report calls them.</param>
/// <param name="Contains">Whether a prompt and the answer to it are among them.</param>
internal sealed record ScenarioPart(string Name, Func<int[], IReadOnlyList<int>, bool> Contains)
{
    private const double RepeatedShare = 0.8;
    private const int RunLength = 4;

    /// <summary>Answers of which at least four fifths were copied from the prompt.</summary>
    public static ScenarioPart Repeated { get; } = new("repeated", (prompt, answer) => ShareRepeated(prompt, answer) >= RepeatedShare);

    /// <summary>The share of an answer's tokens that stand in the prompt within runs of four or more; the last, which ends the text, is not counted.</summary>
    internal static double ShareRepeated(int[] prompt, IReadOnlyList<int> answer)
    {
        var runs = new HashSet<(int, int, int, int)>();
        for (var i = 0; i + RunLength <= prompt.Length; i++)
        {
            runs.Add((prompt[i], prompt[i + 1], prompt[i + 2], prompt[i + 3]));
        }

        var (length, repeated, last) = (answer.Count - 1, 0, -1);
        for (var i = 0; i + RunLength <= length; i++)
        {
            if (runs.Contains((answer[i], answer[i + 1], answer[i + 2], answer[i + 3])))
            {
                repeated += i + RunLength - 1 - Math.Max(last, i - 1);
                last = i + RunLength - 1;
            }
        }

        return length > 0 ? (double)repeated / length : 0;
    }
}

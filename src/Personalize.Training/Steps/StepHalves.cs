using Personalize.Training.Data;

namespace Personalize.Training.Steps;

/// <summary>How the examples of a step are divided into two halves whose gradients are summed apart and added once. Part of the definition of a step's gradients: the same on one thread as on many.</summary>
internal static class StepHalves
{
    /// <summary>How many halves there are.</summary>
    public const int Count = 2;

    /// <summary>Divides examples: the longest first, each to the half with fewer tokens, then each half in the order it had. The halves differ by the longest example at most, and the second may be empty.</summary>
    public static IReadOnlyList<TrainingExample>[] Divide(IReadOnlyList<TrainingExample> examples)
    {
        var half = new int[examples.Count];
        Span<long> tokens = stackalloc long[Count];
        foreach (var i in Enumerable.Range(0, examples.Count).OrderByDescending(i => examples[i].Length))
        {
            half[i] = tokens[0] <= tokens[1] ? 0 : 1;
            tokens[half[i]] += examples[i].Length;
        }

        return [.. Enumerable.Range(0, Count).Select(h => examples.Where((_, i) => half[i] == h).ToList())];
    }

    /// <summary>The most tokens of a half.</summary>
    public static int LargestTokens(IReadOnlyList<TrainingExample> examples) => Divide(examples).Max(half => half.Sum(example => example.Length));
}

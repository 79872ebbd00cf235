using System.Runtime.InteropServices;

namespace Personalize.Training.Data;

/// <summary>How much is computed together at most.</summary>
/// <param name="Tokens">Tokens; at least those of the longest example.</param>
/// <param name="Examples">Examples, at least 1.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct MicroBatchCapacity(int Tokens, int Examples)
{
    /// <summary>How many examples from <paramref name="start"/> on fit, at least 1.</summary>
    public int Take(IReadOnlyList<TrainingExample> examples, int start)
    {
        var (count, tokens) = (1, examples[start].Length);
        while (count < Examples && start + count < examples.Count && tokens + examples[start + count].Length <= Tokens)
        {
            tokens += examples[start + count].Length;
            count++;
        }

        return count;
    }
}

using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Training.Data;

namespace Personalize.Training.Pretraining;

/// <summary>Dialogues as training examples in the form they are served in: whole ones where they fit, else halves that start at a user's turn. Every token but the first carries loss.</summary>
internal static class DialogueExamples
{
    public static List<TrainingExample> Create(IEnumerable<IReadOnlyList<PromptMessage>> dialogues, ChatFormat format, int maximumTokens)
    {
        var examples = new List<TrainingExample>();
        foreach (var dialogue in dialogues)
        {
            Add([.. dialogue], format, maximumTokens, examples);
        }

        return examples;
    }

    private static void Add(List<PromptMessage> turns, ChatFormat format, int maximumTokens, List<TrainingExample> examples)
    {
        var ids = format.EncodePrompt(turns, addGenerationPrompt: false);
        var half = ids.Length > maximumTokens ? Middle(turns) : 0;
        if (half == 0)
        {
            // A single turn that is too long is cut at its end by the trainer.
            examples.Add(new TrainingExample(ids, promptLength: 0));
            return;
        }

        Add(turns[..half], format, maximumTokens, examples);
        Add(turns[half..], format, maximumTokens, examples);
    }

    /// <summary>The user's turn next to the middle, or 0 where only the first is one.</summary>
    private static int Middle(List<PromptMessage> turns) =>
        Enumerable.Range(1, Math.Max(0, turns.Count - 1)).Where(turn => turns[turn].Role == "user").OrderBy(turn => Math.Abs((2 * turn) - turns.Count)).FirstOrDefault();
}

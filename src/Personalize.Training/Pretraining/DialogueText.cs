using Personalize.Core.Errors;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Training.Pretraining;

/// <summary>Dialogues as plain text: lines <c>U: ...</c> and <c>A: ...</c> are the turns of user and assistant, a blank line ends a dialogue, any other line goes on with the turn before it.</summary>
public static class DialogueText
{
    private const string User = "U:";
    private const string Assistant = "A:";

    /// <summary>Reads all dialogues.</summary>
    /// <param name="text">The text.</param>
    /// <param name="location">What to call it in an error, such as its file.</param>
    /// <returns>The turns of each dialogue, with the roles <c>user</c> and <c>assistant</c>.</returns>
    /// <exception cref="CorpusFormatException">A dialogue begins with a line that is no turn.</exception>
    public static IReadOnlyList<IReadOnlyList<PromptMessage>> Parse(string text, string location)
    {
        ArgumentNullException.ThrowIfNull(text);
        var dialogues = new List<IReadOnlyList<PromptMessage>>();
        var turns = new List<PromptMessage>();
        var number = 0;
        foreach (var range in text.AsSpan().EnumerateLines())
        {
            number++;
            var line = range.Trim();
            if (line.IsEmpty)
            {
                End();
            }
            else if (line.StartsWith(User, StringComparison.Ordinal))
            {
                turns.Add(new PromptMessage("user", line[User.Length..].Trim().ToString()));
            }
            else if (line.StartsWith(Assistant, StringComparison.Ordinal))
            {
                turns.Add(new PromptMessage("assistant", line[Assistant.Length..].Trim().ToString()));
            }
            else if (turns.Count > 0)
            {
                turns[^1] = turns[^1] with { Content = $"{turns[^1].Content}\n{line}" };
            }
            else
            {
                throw new CorpusFormatException(location, number, "a dialogue begins with a line that is no turn: start each turn with U: or A:");
            }
        }

        End();
        return dialogues;

        void End()
        {
            if (turns.Count > 0)
            {
                dialogues.Add(turns);
                turns = [];
            }
        }
    }
}

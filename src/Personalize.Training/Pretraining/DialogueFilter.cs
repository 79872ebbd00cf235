using Personalize.Core.Tokenization.Templates;

namespace Personalize.Training.Pretraining;

/// <summary>Tells dialogues that are about some things by the words they hold. Immutable; safe to share between threads.</summary>
/// <param name="words">The words; a word is a run of letters and digits, compared without regard to case.</param>
public sealed class DialogueFilter(IEnumerable<string> words)
{
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _words = words.ToHashSet(StringComparer.OrdinalIgnoreCase).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether any turn holds any of the words.</summary>
    /// <param name="dialogue">The turns.</param>
    /// <returns>True if one does.</returns>
    public bool Matches(IReadOnlyList<PromptMessage> dialogue)
    {
        ArgumentNullException.ThrowIfNull(dialogue);
        return dialogue.Any(turn => Matches(turn.Content));
    }

    private bool Matches(ReadOnlySpan<char> text)
    {
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i < text.Length && char.IsLetterOrDigit(text[i]))
            {
                continue;
            }

            if (i > start && _words.Contains(text[start..i]))
            {
                return true;
            }

            start = i + 1;
        }

        return false;
    }
}

using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Core.Interactions;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Cli.Benchmarks;

/// <summary>Makes the scenarios of speculation from a person's interactions and from dialogues.</summary>
internal static class SpeculationTexts
{
    private const int StandardRows = 20;
    private const int EditTokens = 120;
    private const int EarlierDialogues = 200;
    private const int Dialogues = 20;

    private static readonly string[] Tasks =
    [
        "Repeat the following text word for word:",
        "Correct the spelling of the following text and change nothing else:",
        "Quote the following text in full, each line after \"> \":",
    ];

    /// <summary><c>later</c>: a person's later contexts; <c>edit</c>: texts of the same rows to be repeated, corrected and quoted; <c>repeated</c>: those answers that do.</summary>
    /// <param name="engine">Tokenizer and template.</param>
    /// <param name="all">Interactions in time order.</param>
    /// <param name="rows">Which rows ask; null for the last ones. All rows before are the history.</param>
    public static IEnumerable<SpeculationScenario> FromInteractions(Engine engine, IReadOnlyList<Interaction> all, RowRange? rows)
    {
        var first = rows?.First ?? Math.Max(0, all.Count - StandardRows);
        var history = all.Take(first).Select(row => engine.Chat.EncodeExample(row.Context, row.Text).Ids).ToArray();
        var asked = all.Skip(first).ToArray();
        yield return new SpeculationScenario("later", [.. asked.Select(row => Ask(engine, row.Context))], history);
        yield return new SpeculationScenario("edit", [.. asked.Select((row, i) => Ask(engine, Tasks[i % Tasks.Length] + "\n\n" + Cut(engine, row)))], history) { Part = ScenarioPart.Repeated };
    }

    /// <summary><c>dialogues</c>: the last answer of each of some dialogues, those before them as the history.</summary>
    /// <param name="engine">Tokenizer and template.</param>
    /// <param name="path">Lines of <c>U:</c> and <c>A:</c>, a blank line between dialogues; also .gz.</param>
    public static SpeculationScenario FromDialogues(Engine engine, string path)
    {
        var dialogues = Split(TextFile.Read(path)).Take(EarlierDialogues + Dialogues).ToArray();
        if (dialogues.Length == 0)
        {
            throw new InputFileException(path, "it has no dialogue of a line \"U: ...\" and a line \"A: ...\": give a file of dialogues");
        }

        var asked = Math.Min(Dialogues, dialogues.Length);
        return new SpeculationScenario(
            "dialogues",
            [.. dialogues[^asked..].Select(turns => engine.Chat.EncodePrompt(turns[..^1], addGenerationPrompt: true))],
            [.. dialogues[..^asked].Select(turns => engine.Chat.EncodePrompt(turns, addGenerationPrompt: false))]);
    }

    private static int[] Ask(Engine engine, string message) => engine.Chat.EncodePrompt([new PromptMessage("user", message)], addGenerationPrompt: true);

    private static string Cut(Engine engine, Interaction row)
    {
        var ids = engine.Tokenizer.Encode(row.Text, parseSpecialTokens: false);
        return ids.Length <= EditTokens ? row.Text : engine.Tokenizer.Decode(ids.AsSpan(0, EditTokens), includeSpecialTokens: false);
    }

    // What ends with a question has no answer to be asked for, and is cut back to its last answer.
    private static IEnumerable<PromptMessage[]> Split(string text)
    {
        foreach (var block in text.ReplaceLineEndings("\n").Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var turns = new List<PromptMessage>();
            foreach (var line in block.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                var role = line.StartsWith("U:", StringComparison.Ordinal) ? "user" : line.StartsWith("A:", StringComparison.Ordinal) ? "assistant" : null;
                if (role is not null)
                {
                    turns.Add(new PromptMessage(role, line[2..].Trim()));
                }
            }

            var last = turns.FindLastIndex(turn => turn.Role == "assistant");
            if (last > 0)
            {
                yield return [.. turns.Take(last + 1)];
            }
        }
    }
}

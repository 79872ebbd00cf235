using System.Text;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Inference.Decoding;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Models;

/// <summary>Scores the text of dialogues under a model, each token after all before it, in the chat format the model was trained with.</summary>
/// <remarks>
/// What counts is the turns' text: the marks, names and line ends that a template puts around it are given and cost nothing, so that models of different templates are compared on the same bytes. Of a dialogue
/// the first turns count that have <see cref="MostBytes"/> bytes together, which fit every model's context. A token that spells both counts with the text.
/// </remarks>
internal sealed class DialogueScorer(Engine engine, ArithmeticPrecision precision) : IDisposable
{
    private const int MostBytes = 1500;

    private readonly DecoderSession _session = engine.CreateSession(engine.Model.Description.ContextLength, precision);

    public DialogueScore Score(IReadOnlyList<PromptMessage> dialogue, CancellationToken cancellationToken)
    {
        var turns = FirstTurns(dialogue);
        if (turns.Count == 0)
        {
            return default;
        }

        var prompt = engine.Chat.Render(turns, addGenerationPrompt: false);
        var ids = engine.Tokenizer.Encode(prompt);
        var owners = Owners(prompt.Text, turns);
        var turnOf = new int[ids.Length];
        var at = 0;
        for (var i = 0; i < ids.Length; i++)
        {
            var length = engine.Tokenizer.GetTokenBytes(ids[i]).Length;
            turnOf[i] = owners.AsSpan(at, length).IndexOfAnyExcept(-1) is var first and >= 0 ? owners[at + first] : -1;
            at += length;
        }

        if (at != owners.Length)
        {
            throw new InvalidOperationException("the tokens do not spell the prompt");
        }

        var (nll, assistantNll, tokens) = (0d, 0d, 0);
        _session.TruncateTo(0);
        _session.Feed(
            ids.AsSpan()[..^1],
            (index, logits) =>
            {
                if (turnOf[index + 1] is var turn and >= 0)
                {
                    var loss = LogSumExp.Compute(logits) - logits[ids[index + 1]];
                    nll += loss;
                    assistantNll += turns[turn].Role == "assistant" ? loss : 0;
                    tokens++;
                }
            },
            onHiddenState: null,
            cancellationToken);
        return new DialogueScore(1, turns.Sum(Bytes), tokens, nll, turns.Where(turn => turn.Role == "assistant").Sum(Bytes), assistantNll);
    }

    public void Dispose() => _session.Dispose();

    private static long Bytes(PromptMessage turn) => Encoding.UTF8.GetByteCount(turn.Content);

    private static List<PromptMessage> FirstTurns(IReadOnlyList<PromptMessage> dialogue)
    {
        var bytes = 0L;
        return [.. dialogue.TakeWhile(turn => (bytes += Bytes(turn)) <= MostBytes)];
    }

    /// <summary>For each byte of a prompt the turn whose text it is, or -1.</summary>
    private static int[] Owners(string prompt, List<PromptMessage> turns)
    {
        var owners = new int[Encoding.UTF8.GetByteCount(prompt)];
        Array.Fill(owners, -1);
        var at = 0;
        for (var turn = 0; turn < turns.Count; turn++)
        {
            // The template's own words before a turn are few and fixed: the text is looked for after the mark that ends them.
            var start = Locate(prompt, turns[turn], at);
            var first = Encoding.UTF8.GetByteCount(prompt.AsSpan(0, start));
            owners.AsSpan(first, (int)Bytes(turns[turn])).Fill(turn);
            at = start + turns[turn].Content.Length;
        }

        return owners;
    }

    private static int Locate(string prompt, PromptMessage turn, int from)
    {
        var role = prompt.IndexOf(turn.Role, from, StringComparison.Ordinal);
        var start = role < 0 ? -1 : prompt.IndexOf(turn.Content, role + turn.Role.Length, StringComparison.Ordinal);
        return start >= 0 ? start : throw new InvalidOperationException("the chat template does not write a turn's role and text in this order");
    }
}

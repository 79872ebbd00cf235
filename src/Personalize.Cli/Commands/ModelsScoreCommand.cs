using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;
using Personalize.Core.Tokenization.Templates;
using Personalize.Training.Pretraining;

namespace Personalize.Cli.Commands;

/// <summary><c>models score</c>: how many bits a byte a model needs for dialogues, those that a recipe leaves out apart.</summary>
internal static class ModelsScoreCommand
{
    public static Command Create(CommandHost host)
    {
        var recipe = new Argument<string>("recipe") { Description = "The recipe whose words tell which dialogues were left out" };
        var file = new Argument<string>("file") { Description = "Dialogues: lines U: and A:, blank lines between (also .gz)" };
        var count = new Option<int>("--dialogues") { Description = "How many of each kind at most, evenly spread over the file", HelpName = "N", DefaultValueFactory = _ => 100 }.AtLeast(1);
        var precision = PrecisionOption.Create(ArithmeticPrecision.Single);
        var command = new Command("score", "Bits a byte of a model on dialogues, in the model's own chat format: the text of the turns counts, the marks between them do not") { recipe, file, count, precision };
        host.Bind(command, context => Run(context, context.Get(recipe), context.Get(file), context.Get(count), PrecisionOption.Parse(context.Get(precision))));
        return command;
    }

    private static int Run(CommandContext context, string recipePath, string path, int count, ArithmeticPrecision precision)
    {
        var recipe = PretrainingRecipe.FromJson(Encoding.UTF8.GetBytes(TextFile.Read(recipePath)));
        var filter = new DialogueFilter(recipe.LeaveOut);
        var kinds = DialogueText.Parse(TextFile.Read(path), path).ToLookup(filter.Matches);
        using var engine = Engine.Load(context, AdapterOption.None);
        using var scorer = new DialogueScorer(engine, precision);
        var (seen, leftOut) = context.Output.WithProgress("scoring", progress => (Score(kinds[false], 0), Score(kinds[true], 1)));

        DialogueScore Score(IEnumerable<IReadOnlyList<PromptMessage>> dialogues, int part)
        {
            var all = dialogues.ToList();
            var chosen = Math.Min(count, all.Count);
            var sum = default(DialogueScore);
            for (var i = 0; i < chosen; i++)
            {
                sum += scorer.Score(all[(int)((long)i * all.Count / chosen)], context.CancellationToken);
            }

            return sum;
        }

        context.Output.Result(
            json =>
            {
                json.WriteString("model", engine.Name);
                Write(json, "seen", seen);
                Write(json, "leftOut", leftOut);
            },
            _ => context.Output.Text($"{engine.Name}: {Describe("dialogues like those trained on", seen)}, {Describe("of what was left out", leftOut)}\n"));
        return ExitCode.Done;
    }

    private static void Write(Utf8JsonWriter json, string name, DialogueScore score)
    {
        json.WriteStartObject(name);
        json.WriteNumber("dialogues", score.Dialogues);
        json.WriteNumber("bytes", score.Bytes);
        json.WriteNumber("tokens", score.Tokens);
        AdapterText.WriteFigure(json, "bitsPerByte", score.Bytes > 0 ? score.BitsPerByte : null);
        AdapterText.WriteFigure(json, "assistantBitsPerByte", score.AssistantBytes > 0 ? score.AssistantBitsPerByte : null);
        json.WriteEndObject();
    }

    private static string Describe(string kind, DialogueScore score) =>
        string.Create(CultureInfo.InvariantCulture, $"{score.BitsPerByte:F3} bits a byte over {score.Dialogues} {kind} ({score.Bytes} bytes; the assistant's turns alone {score.AssistantBitsPerByte:F3})");
}

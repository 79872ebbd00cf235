using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;
using Personalize.Inference.Scoring;
using Personalize.Training;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;

namespace Personalize.Cli.Commands;

/// <summary><c>evaluate</c>: the loss of given interactions.</summary>
internal static class EvaluateCommand
{
    public static Command Create(CommandHost host)
    {
        var interactions = new Option<string>("--interactions") { Description = "JSON lines with context and text", HelpName = "FILE", Required = true };
        var rows = RowRange.Create();
        var adapter = AdapterOption.Create();
        var precision = PrecisionOption.Create(ArithmeticPrecision.Single);
        var command = new Command("evaluate", "Mean loss of the assistant's tokens over some interactions") { interactions, rows, adapter, precision };
        host.Bind(command, context => Run(context, context.Get(interactions), context.Get(rows), context.Get(adapter), PrecisionOption.Parse(context.Get(precision))));
        return command;
    }

    private static int Run(CommandContext context, string path, RowRange? rows, string? adapter, ArithmeticPrecision precision)
    {
        var interactions = InteractionFile.Read(path, rows);
        using var engine = Engine.Load(context, adapter);
        var longest = new LoraRecipe().MaximumTokens;
        var examples = interactions.ConvertAll(interaction =>
        {
            var encoded = engine.Chat.EncodeExample(interaction.Context, interaction.Text);
            return new TrainingExample(encoded.Ids, encoded.PromptLength).Truncate(Math.Min(longest, engine.Model.Description.ContextLength));
        });
        var score = context.Output.WithProgress("evaluate", progress => precision == ArithmeticPrecision.Single
            ? ScoreExactly(context, engine, examples)
            : ScoreServed(context, engine, examples, progress));
        context.Output.Result(
            json =>
            {
                json.WriteNumber("meanNll", score.MeanNll);
                json.WriteNumber("tokens", score.Tokens);
                json.WriteNumber("rows", examples.Count);
            },
            _ => context.Output.Text($"mean loss {score.MeanNll:F4} over {score.Tokens} tokens of {examples.Count} rows\n"));
        return ExitCode.Done;
    }

    // With the arithmetic that trains and gates, so that the figures can be compared.
    private static SequenceScore ScoreExactly(CommandContext context, Engine engine, List<TrainingExample> examples)
    {
        var result = new AdapterEvaluator(engine.Model.Description, engine.Model.Weights, engine.Pool).Evaluate(examples, engine.Adapter, context.CancellationToken);
        return new SequenceScore(result.TotalNll, result.Tokens);
    }

    private static SequenceScore ScoreServed(CommandContext context, Engine engine, List<TrainingExample> examples, IProgress<WorkProgress> progress)
    {
        using var session = engine.CreateSession(Math.Max(1, examples.Max(example => example.Length)), ArithmeticPrecision.Served);
        var sum = default(SequenceScore);
        for (var i = 0; i < examples.Count; i++)
        {
            sum += SequenceScorer.Score(session, examples[i].Ids, examples[i].PromptLength, context.CancellationToken);
            progress.Report(new WorkProgress((i + 1.0) / examples.Count, $"{sum.MeanNll:F3}"));
        }

        return sum;
    }
}

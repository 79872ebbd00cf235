using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Interactions;
using Personalize.Core.Models;
using Personalize.Inference.Retrieval;
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
        var from = RowRange.Create("--similar-from", "Put similar rows among these before each prompt, as earlier turns, and say whether that helps");
        var count = new Option<int>("--similar") { Description = "How many similar rows at most", HelpName = "K", DefaultValueFactory = _ => new RetrievalOptions().Count }.InRange(1, 32);
        var command = new Command("evaluate", "Mean loss of the assistant's tokens over some interactions") { interactions, rows, adapter, precision, from, count };
        command.RequireTogether(count, from);
        host.Bind(command, context => context.Get(from) is { } searched
            ? RunWithSimilar(context, context.Get(interactions), context.Get(rows), context.Get(adapter), searched, new RetrievalOptions { Count = context.Get(count) })
            : Run(context, context.Get(interactions), context.Get(rows), context.Get(adapter), PrecisionOption.Parse(context.Get(precision))));
        return command;
    }

    private static int Run(CommandContext context, string path, RowRange? rows, string? adapter, ArithmeticPrecision precision)
    {
        var interactions = InteractionFile.Read(path, rows);
        using var engine = Engine.Load(context, adapter);
        var examples = interactions.ConvertAll(interaction => InteractionExample.Encode(engine, interaction, new LoraRecipe().MaximumTokens));
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

    /// <summary>The same replies, token by token, with and without similar rows before their prompts.</summary>
    private static int RunWithSimilar(CommandContext context, string path, RowRange? rows, string? adapter, RowRange searched, RetrievalOptions options)
    {
        var interactions = InteractionFile.Read(path, rows);
        var known = InteractionFile.Read(path, searched);
        using var engine = Engine.Load(context, adapter);
        var plain = interactions.ConvertAll(interaction => InteractionExample.Encode(engine, interaction, new LoraRecipe().MaximumTokens));
        var similar = SimilarExamples.Encode(engine, interactions, plain, known, options);
        var evaluator = new AdapterEvaluator(engine.Model.Description, engine.Model.Weights, engine.Pool);
        var (without, with) = context.Output.WithProgress(
            "evaluate", _ => (evaluator.Evaluate(plain, engine.Adapter, context.CancellationToken), evaluator.Evaluate(similar, engine.Adapter, context.CancellationToken)));
        var interval = PairedBootstrap.Compare(without, with, GateOptions.Default.Seed);
        context.Output.Result(
            json =>
            {
                json.WriteNumber("meanNll", with.MeanNll);
                json.WriteNumber("tokens", with.Tokens);
                json.WriteNumber("rows", plain.Count);
                json.WriteNumber("meanNllWithout", without.MeanNll);
                json.WriteStartObject("difference");
                json.WriteNumber("mean", interval.Difference);
                json.WriteNumber("low", interval.Low);
                json.WriteNumber("high", interval.High);
                json.WriteEndObject();
                json.WriteBoolean("helps", interval.IsBetter);
            },
            _ => context.Output.Text(
                $"mean loss {with.MeanNll:F4} with similar rows, {without.MeanNll:F4} without, over {with.Tokens} tokens of {plain.Count} rows\n"
                + $"similar rows {(interval.IsBetter ? "help" : "do not surely help")}: the difference lies between {interval.Low:F4} and {interval.High:F4}\n"));
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

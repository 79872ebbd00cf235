using System.CommandLine;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Commands;

/// <summary><c>perplexity</c>: how well the model predicts a text.</summary>
internal static class PerplexityCommand
{
    public static Command Create(CommandHost host)
    {
        var file = new Option<string>("--file") { Description = "The text: UTF-8, also .gz; of a .jsonl file the texts, joined by blank lines", HelpName = "F", Required = true };
        var window = new Option<int>("--window") { Description = "Tokens a window; each window is scored alone", HelpName = "N", DefaultValueFactory = _ => 512 }.AtLeast(2);
        var windows = new Option<int>("--windows") { Description = "How many windows at most", HelpName = "K", DefaultValueFactory = _ => int.MaxValue }.AtLeast(1);
        var precision = PrecisionOption.Create(ArithmeticPrecision.Single);
        var adapter = AdapterOption.Create();
        var command = new Command("perplexity", "How well the model predicts a text: windows scored alone") { file, window, windows, adapter, precision };
        host.Bind(command, context => Run(context, context.Get(file), context.Get(window), context.Get(windows), context.Get(adapter), PrecisionOption.Parse(context.Get(precision))));
        return command;
    }

    private static int Run(CommandContext context, string path, int window, int windows, string? adapter, ArithmeticPrecision precision)
    {
        var text = CorpusFile.Read(path);
        using var engine = Engine.Load(context, adapter);
        if (window > engine.Model.Description.ContextLength)
        {
            throw new UsageException($"--window {window} is out of range: the model's context holds {engine.Model.Description.ContextLength} tokens");
        }

        var ids = engine.Tokenizer.Encode(text, parseSpecialTokens: false);
        var count = Math.Min(windows, ids.Length / window);
        if (count == 0)
        {
            throw new InputFileException(path, $"the text has {ids.Length} tokens, a window needs {window}: give a longer text or a smaller --window");
        }

        using var session = engine.CreateSession(window, precision);
        var score = context.Output.WithProgress("perplexity", progress =>
        {
            var sum = default(SequenceScore);
            for (var i = 0; i < count; i++)
            {
                sum += SequenceScorer.Score(session, ids.AsSpan(i * window, window), firstTarget: 1, context.CancellationToken);
                progress.Report(new WorkProgress((i + 1.0) / count, $"{sum.Perplexity:F2}"));
            }

            return sum;
        });
        context.Output.Result(
            json =>
            {
                json.WriteNumber("meanNll", score.MeanNll);
                json.WriteNumber("perplexity", score.Perplexity);
                json.WriteNumber("tokens", score.Tokens);
                json.WriteNumber("windows", count);
                json.WriteNumber("peakResidentBytes", PeakMemory.Bytes());
            },
            _ => context.Output.Text($"perplexity {score.Perplexity:F3}, mean loss {score.MeanNll:F4} over {score.Tokens} tokens in {count} windows\n"));
        return ExitCode.Done;
    }
}

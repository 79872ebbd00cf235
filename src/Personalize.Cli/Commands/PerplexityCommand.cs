using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Personalize.Cli.Benchmarks;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;
using Personalize.Inference.Decoding;
using Personalize.Inference.Scoring;

namespace Personalize.Cli.Commands;

/// <summary><c>perplexity</c>: how well the model predicts a text.</summary>
internal static class PerplexityCommand
{
    public static Command Create(CommandHost host)
    {
        var file = new Option<string>("--file") { Description = "The text: UTF-8, also .gz; of a .jsonl file the texts, joined by blank lines", HelpName = "F", Required = true };
        var window = new Option<int>("--window") { Description = "Tokens a window; each window is scored alone, or, with --cache, they are one stream", HelpName = "N", DefaultValueFactory = _ => 512 }.AtLeast(2);
        var windows = new Option<int>("--windows") { Description = "How many windows at most", HelpName = "K", DefaultValueFactory = _ => int.MaxValue }.AtLeast(1);
        var precision = PrecisionOption.Create(ArithmeticPrecision.Single);
        var adapter = AdapterOption.Create();
        var cacheType = CacheTypeOption.Create();
        var command = new Command("perplexity", "How well the model predicts a text: windows scored alone, or one stream through a bounded cache") { file, window, windows, adapter, precision, cacheType };
        var bounded = new BoundedCacheOptionSet("--cache");
        bounded.AddTo(command);
        var parts = new Option<int>("--parts") { Description = "With --cache: in how many parts loss, speed and memory are reported", HelpName = "N", DefaultValueFactory = _ => 10 }.InRange(1, 10_000);
        var recompute = new Option<int>("--recompute") { Description = $"With --cache: at how many places of {StreamMeasurement.SampleTokens} tokens the loss is compared with computing the whole window anew", HelpName = "N", DefaultValueFactory = _ => 0 }.AtLeast(0);
        command.Options.Add(parts);
        command.Options.Add(recompute);
        command.Validators.Add(result =>
        {
            foreach (var option in new Option[] { parts, recompute }.Where(option => result.GetResult(option) is { Implicit: false } && !bounded.IsGiven(result)))
            {
                result.AddError($"{option.Name} needs --cache");
            }
        });
        host.Bind(command, context =>
        {
            var path = context.Get(file);
            var text = CorpusFile.Read(path);
            using var engine = Engine.Load(context, context.Get(adapter));
            engine.CachePrecision = CacheTypeOption.Parse(context.Get(cacheType));
            var arithmetic = PrecisionOption.Parse(context.Get(precision));
            var stream = bounded.Read(context, engine.Model.Description, arithmetic);
            var size = context.Get(window);
            if (stream is null && size > engine.Model.Description.ContextLength)
            {
                throw new UsageException($"--window {size} is out of range: the model's context holds {engine.Model.Description.ContextLength} tokens");
            }

            var ids = engine.Tokenizer.Encode(text, parseSpecialTokens: false);
            return stream is null ? RunAlone(context, engine, path, ids, size, context.Get(windows), arithmetic) : RunStream(context, engine, path, ids, (long)size * context.Get(windows), stream, context.Get(parts), context.Get(recompute));
        });
        return command;
    }

    private static int RunAlone(CommandContext context, Engine engine, string path, int[] ids, int window, int windows, ArithmeticPrecision precision)
    {
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
        return Report(context, score, count, $"in {count} windows");
    }

    private static int RunStream(CommandContext context, Engine engine, string path, int[] ids, long limit, DecoderSessionOptions options, int parts, int samples)
    {
        var length = (int)Math.Min(ids.Length, limit);
        if (length < 2)
        {
            throw new InputFileException(path, $"the text has {ids.Length} tokens, a stream needs 2: give a longer text");
        }

        var measurement = new StreamMeasurement(engine, options, context.Time);
        if (samples > measurement.MostSamples(length))
        {
            throw new UsageException($"--recompute {samples} is too large: a stream of {length} tokens behind {measurement.VisibleTokens} visible ones has {measurement.MostSamples(length)} places of {StreamMeasurement.SampleTokens} tokens");
        }

        var report = context.Output.WithProgress("perplexity", progress =>
            measurement.Run(ids.AsMemory(0, length), parts, samples, (done, score) => progress.Report(new WorkProgress(done, $"{score.Perplexity:F2}")), context.CancellationToken));
        if (!context.Output.IsJson)
        {
            context.Output.Note(string.Create(
                CultureInfo.InvariantCulture,
                $"{report.DecodeStart:F0} tokens/s one by one at the start, {report.DecodeEnd:F0} at the end; {report.Parts[0].ResidentBytes / 1e6:F0} MB resident after the first of {report.Parts.Count} parts, {report.Parts[^1].ResidentBytes / 1e6:F0} MB at the end{(report.LossOfRecomputed is { } ratio ? string.Create(CultureInfo.InvariantCulture, $"; {ratio:F4} times the loss of recomputation over {report.SampleRecomputed.Tokens} tokens") : "")}"));
        }

        return Report(context, report.Total, 1, $"of one stream, {options.SinkTokenCount} sinks and a window of {options.WindowSize}", report.Write);
    }

    private static int Report(CommandContext context, SequenceScore score, int windows, string how, Action<Utf8JsonWriter>? more = null)
    {
        context.Output.Result(
            json =>
            {
                json.WriteNumber("meanNll", score.MeanNll);
                json.WriteNumber("perplexity", score.Perplexity);
                json.WriteNumber("tokens", score.Tokens);
                json.WriteNumber("windows", windows);
                json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
                more?.Invoke(json);
            },
            _ => context.Output.Text($"perplexity {score.Perplexity:F3}, mean loss {score.MeanNll:F4} over {score.Tokens} tokens {how}\n"));
        return ExitCode.Done;
    }
}

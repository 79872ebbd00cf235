using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Benchmarks;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;
using Personalize.Training;
using Personalize.Training.Memory;

namespace Personalize.Cli.Commands;

/// <summary><c>bench training</c>: how fast an adapter is trained.</summary>
internal static class BenchTrainingCommand
{
    private const int MostExamples = 1024;
    private const int MostTokens = 1 << 16;
    private const int HighestRank = 1024;

    public static Command Create(CommandHost host)
    {
        var batch = new Option<int>("--batch") { Description = "Examples a step", HelpName = "N", DefaultValueFactory = _ => 4 }.InRange(1, MostExamples);
        var sequence = new Option<int>("--sequence") { Description = "Tokens an example; with --interactions the most that are kept, 128 unless given", HelpName = "N", DefaultValueFactory = _ => 256 }.InRange(2, MostTokens);
        var rank = new Option<int>("--rank") { Description = "The adapter's rank", HelpName = "N", DefaultValueFactory = _ => 8 }.InRange(1, HighestRank);
        var runs = new Option<int>("--runs") { Description = "How many counted steps; the median is reported, with --interactions all tokens by all their time", HelpName = "N", DefaultValueFactory = _ => 5 }.InRange(1, 1000);
        var memory = MemoryOption.Create();
        var lengths = NumberList.Create("--lengths", "A table over several lengths, each cell in a process of its own", 2, MostTokens);
        var batches = NumberList.Create("--batches", "The table's batches", 1, MostExamples);
        var ranks = NumberList.Create("--ranks", "The table's ranks", 1, HighestRank);
        var interactions = new Option<string>("--interactions") { Description = "Train on these texts in their order, loss on the replies, in place of random tokens", HelpName = "FILE" };
        var command = new Command("training", "Training an adapter on all linear maps") { batch, sequence, rank, runs, memory, lengths, batches, ranks, interactions };
        host.Bind(command, context =>
        {
            if (context.Get(interactions) is { } path)
            {
                if (context.IsGiven(lengths) || context.IsGiven(batches) || context.IsGiven(ranks))
                {
                    throw new UsageException("--interactions has lengths of its own: leave out --lengths, --batches and --ranks");
                }

                var longest = context.IsGiven(sequence) ? context.Get(sequence) : new LoraRecipe().MaximumTokens;
                return RunTexts(context, path, context.Get(batch), longest, context.Get(rank), context.Get(runs), MemoryOption.Read(context, memory));
            }

            if (!context.IsGiven(lengths) && !context.IsGiven(batches) && !context.IsGiven(ranks))
            {
                return Run(context, context.Get(batch), context.Get(sequence), context.Get(rank), context.Get(runs), MemoryOption.Read(context, memory));
            }

            List<string> common = ["--runs", context.Get(runs).ToString(CultureInfo.InvariantCulture)];
            if (context.Get(memory) is { } bytes)
            {
                common.AddRange(["--memory", string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0}KiB")]);
            }

            return Table(context, common, Values(context, lengths, sequence), Values(context, batches, batch), Values(context, ranks, rank));
        });
        return command;
    }

    private static int[] Values(CommandContext context, Option<int[]?> list, Option<int> single) => context.IsGiven(list) ? context.Get(list)! : [context.Get(single)];

    private static int Run(CommandContext context, int batch, int sequence, int rank, int steps, TrainingMemory? memory)
    {
        using var engine = Engine.Load(context, AdapterOption.None);
        if (sequence > engine.Model.Description.ContextLength)
        {
            throw new UsageException($"--sequence {sequence} is out of range: the model's context holds {engine.Model.Description.ContextLength} tokens");
        }

        var peak = FmaPeak.Measure(engine.Pool.ThreadCount);
        var examples = TrainingBenchmark.Random(engine.Model.Description.VocabularySize, batch * (steps + 1), sequence);
        var benchmark = new TrainingBenchmark(engine, Recipe(batch, sequence, rank), examples, memory, context.Time);
        var figures = context.Output.WithProgress("bench", progress => benchmark.Run(TrainingText.Forward(progress), context.CancellationToken));

        // Once more at the end: where others share the machine, what it gives moves.
        peak = Math.Max(peak, FmaPeak.Measure(engine.Pool.ThreadCount));
        var fraction = figures.MedianTokensPerSecond * FlopsPerToken(engine.Model.Description) / peak;
        context.Output.Result(
            json =>
            {
                json.WriteString("model", engine.Name);
                json.WriteNumber("threads", engine.Pool.ThreadCount);
                json.WriteNumber("tokensPerSecond", Math.Round(figures.MedianTokensPerSecond, 1));
                json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
                json.WriteNumber("fmaPeakGflops", Math.Round(peak / 1e9, 1));
                json.WriteNumber("fractionOfPeak", Math.Round(fraction, 3));
                json.WriteNumber("batch", batch);
                json.WriteNumber("sequence", sequence);
                json.WriteNumber("rank", rank);
                json.WriteNumber("microBatchTokens", figures.Plan.MicroBatchTokens);
                json.WriteNumber("keptLayers", figures.Plan.KeptLayers);
                json.WriteNumber("plannedBytes", figures.Plan.TotalBytes);
            },
            _ => context.Output.Text($"{figures.MedianTokensPerSecond:F0} tokens/s at {batch} x {sequence}, {fraction:P0} of the {peak / 1e9:F0} GFLOP/s that multiply-adds reach here; {ProcessMemory.PeakBytes() / 1e6:F0} MB at most\n"));
        return ExitCode.Done;
    }

    private static int RunTexts(CommandContext context, string path, int batch, int longest, int rank, int steps, TrainingMemory? memory)
    {
        var interactions = InteractionFile.Read(path, rows: null).Take(batch * (steps + 1)).ToList();
        if (interactions.Count <= batch)
        {
            throw new UsageException($"--interactions needs more than {batch} rows: the first {batch} are not counted");
        }

        using var engine = Engine.Load(context, AdapterOption.None);
        var examples = interactions.ConvertAll(interaction => InteractionExample.Encode(engine, interaction, longest));
        var benchmark = new TrainingBenchmark(engine, Recipe(batch, longest, rank), examples, memory, context.Time);
        var figures = context.Output.WithProgress("bench", progress => benchmark.Run(TrainingText.Forward(progress), context.CancellationToken));
        var counted = examples.Skip(batch).ToArray();
        var tokens = counted.Sum(example => example.Length);
        var padded = counted.Chunk(batch).Sum(step => step.Length * step.Max(example => example.Length));
        context.Output.Result(
            json =>
            {
                json.WriteString("model", engine.Name);
                json.WriteNumber("threads", engine.Pool.ThreadCount);
                json.WriteNumber("tokensPerSecond", Math.Round(figures.MeanTokensPerSecond, 1));
                json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
                json.WriteNumber("batch", batch);
                json.WriteNumber("rank", rank);
                json.WriteNumber("tokens", tokens);
                json.WriteNumber("paddedTokens", padded);
                json.WriteStartArray("lengths");
                foreach (var example in counted)
                {
                    json.WriteNumberValue(example.Length);
                }

                json.WriteEndArray();
            },
            _ => context.Output.Text(
                $"{figures.MeanTokensPerSecond:F0} tokens/s on {counted.Length} texts of {counted.Min(example => example.Length)} to {counted.Max(example => example.Length)} tokens, {batch} a step, packed; {ProcessMemory.PeakBytes() / 1e6:F0} MB at most\n"
                + $"padded to the longest of each step they would be {(double)padded / tokens:F2} times as many\n"));
        return ExitCode.Done;
    }

    private static LoraRecipe Recipe(int batch, int longest, int rank) => new() { Rank = rank, Alpha = 2 * rank, ExamplesPerStep = batch, MaximumTokens = longest };

    private static int Table(CommandContext context, IReadOnlyList<string> common, int[] lengths, int[] batches, int[] ranks)
    {
        string model;
        using (var engine = Engine.Load(context, AdapterOption.None))
        {
            model = engine.Model.Path;
        }

        var cells = new TrainingTable(context, model, common).Run(lengths, batches, ranks);
        context.Output.Result(
            json =>
            {
                json.WriteStartArray("cells");
                foreach (var cell in cells)
                {
                    json.WriteStartObject();
                    json.WriteNumber("sequence", cell.Length);
                    json.WriteNumber("batch", cell.Batch);
                    json.WriteNumber("rank", cell.Rank);
                    json.WriteNumber("tokensPerSecond", cell.TokensPerSecond);
                    json.WriteNumber("fractionOfPeak", cell.FractionOfPeak);
                    json.WriteNumber("peakResidentBytes", cell.PeakBytes);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            _ => context.Output.Text(string.Join('\n', cells.Select(TrainingTable.Describe)) + "\n"));
        return ExitCode.Done;
    }

    /// <summary>What a token needs at least: each weight of a layer and of the output layer once forward and once backward, two operations each; recomputation and the adapter are not counted.</summary>
    private static double FlopsPerToken(DecoderDescription d)
    {
        var layer = ((double)d.HiddenSize * ((2 * d.QuerySize) + (2 * d.KeyValueSize))) + (3.0 * d.HiddenSize * d.IntermediateSize);
        return 4 * ((layer * d.LayerCount) + ((double)d.VocabularySize * d.HiddenSize));
    }
}

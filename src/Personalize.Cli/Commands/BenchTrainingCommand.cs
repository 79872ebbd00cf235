using System.CommandLine;
using Personalize.Cli.Benchmarks;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;

namespace Personalize.Cli.Commands;

/// <summary><c>bench training</c>: how fast an adapter is trained.</summary>
internal static class BenchTrainingCommand
{
    public static Command Create(CommandHost host)
    {
        var batch = new Option<int>("--batch") { Description = "Examples a step", HelpName = "N", DefaultValueFactory = _ => 4 }.InRange(1, 1024);
        var sequence = new Option<int>("--sequence") { Description = "Tokens an example", HelpName = "N", DefaultValueFactory = _ => 256 }.InRange(2, 1 << 16);
        var rank = new Option<int>("--rank") { Description = "The adapter's rank", HelpName = "N", DefaultValueFactory = _ => 8 }.InRange(1, 1024);
        var runs = new Option<int>("--runs") { Description = "How many counted steps; the median is reported", HelpName = "N", DefaultValueFactory = _ => 5 }.InRange(1, 1000);
        var command = new Command("training", "Training an adapter on all linear maps") { batch, sequence, rank, runs };
        host.Bind(command, context => Run(context, context.Get(batch), context.Get(sequence), context.Get(rank), context.Get(runs)));
        return command;
    }

    private static int Run(CommandContext context, int batch, int sequence, int rank, int steps)
    {
        using var engine = Engine.Load(context, AdapterOption.None);
        if (sequence > engine.Model.Description.ContextLength)
        {
            throw new UsageException($"--sequence {sequence} is out of range: the model's context holds {engine.Model.Description.ContextLength} tokens");
        }

        var peak = FmaPeak.Measure(engine.Pool.ThreadCount);
        var benchmark = new TrainingBenchmark(engine, batch, sequence, rank, steps, context.Time);
        var tokensPerSecond = context.Output.WithProgress("bench", progress => benchmark.Run(TrainingText.Forward(progress), context.CancellationToken));
        var fraction = tokensPerSecond * FlopsPerToken(engine.Model.Description) / peak;
        context.Output.Result(
            json =>
            {
                json.WriteString("model", engine.Name);
                json.WriteNumber("threads", engine.Pool.ThreadCount);
                json.WriteNumber("tokensPerSecond", Math.Round(tokensPerSecond, 1));
                json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
                json.WriteNumber("fmaPeakGflops", Math.Round(peak / 1e9, 1));
                json.WriteNumber("fractionOfPeak", Math.Round(fraction, 3));
                json.WriteNumber("batch", batch);
                json.WriteNumber("sequence", sequence);
                json.WriteNumber("rank", rank);
            },
            _ => context.Output.Text($"{tokensPerSecond:F0} tokens/s at {batch} x {sequence}, {fraction:P0} of the {peak / 1e9:F0} GFLOP/s that multiply-adds reach here; {ProcessMemory.PeakBytes() / 1e6:F0} MB at most\n"));
        return ExitCode.Done;
    }

    /// <summary>What a token needs at least: each weight of a layer and of the output layer once forward and once backward, two operations each; recomputation and the adapter are not counted.</summary>
    private static double FlopsPerToken(DecoderDescription d)
    {
        var layer = ((double)d.HiddenSize * ((2 * d.QuerySize) + (2 * d.KeyValueSize))) + (3.0 * d.HiddenSize * d.IntermediateSize);
        return 4 * ((layer * d.LayerCount) + ((double)d.VocabularySize * d.HiddenSize));
    }
}

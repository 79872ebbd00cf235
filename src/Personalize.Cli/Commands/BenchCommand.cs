using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Personalize.Cli.Benchmarks;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Core.Models;

namespace Personalize.Cli.Commands;

/// <summary><c>bench</c>: throughput on this machine, and a peer's in the same run.</summary>
internal static class BenchCommand
{
    public static Command Create(CommandHost host) => new("bench", "Measure throughput on this machine") { CreateInference(host), CreateTraining(host) };

    private static Command CreateInference(CommandHost host)
    {
        var peer = new Option<string?>("--peer") { Description = "A peer's program, run alternately on the same file", HelpName = "PATH" };
        var runs = new Option<int>("--runs") { Description = "How many counted runs; the medians are reported", HelpName = "N", DefaultValueFactory = _ => 5 }.InRange(1, 100);
        var adapter = AdapterOption.Create();
        var command = new Command("inference", "Prefill, decode and verification") { peer, runs, adapter };
        host.Bind(command, context => RunInference(context, context.Get(peer), context.Get(runs), context.Get(adapter) ?? AdapterOption.None));
        return command;
    }

    private static Command CreateTraining(CommandHost host)
    {
        var batch = new Option<int>("--batch") { Description = "Examples a step", HelpName = "N", DefaultValueFactory = _ => 4 }.InRange(1, 1024);
        var sequence = new Option<int>("--sequence") { Description = "Tokens an example", HelpName = "N", DefaultValueFactory = _ => 256 }.InRange(2, 1 << 16);
        var rank = new Option<int>("--rank") { Description = "The adapter's rank", HelpName = "N", DefaultValueFactory = _ => 8 }.InRange(1, 1024);
        var runs = new Option<int>("--runs") { Description = "How many counted steps; the median is reported", HelpName = "N", DefaultValueFactory = _ => 5 }.InRange(1, 1000);
        var command = new Command("training", "Training an adapter on all linear maps") { batch, sequence, rank, runs };
        host.Bind(command, context => RunTraining(context, context.Get(batch), context.Get(sequence), context.Get(rank), context.Get(runs)));
        return command;
    }

    private static int RunInference(CommandContext context, string? peer, int runs, string adapter)
    {
        using var engine = Engine.Load(context, adapter);
        var threads = engine.Pool.ThreadCount;
        var ours = new ThroughputFigures();
        var theirs = new ThroughputFigures();
        var benchmark = new InferenceBenchmark(engine, context.Time);
        context.Output.WithProgress("bench", progress =>
        {
            benchmark.Run(new ThroughputFigures());
            for (var run = 0; run < runs; run++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                benchmark.Run(ours);
                if (peer is not null)
                {
                    new PeerBenchmark(peer, engine.Model.Path, threads).Run(theirs);
                }

                progress.Report(new WorkProgress((run + 1.0) / runs, $"{ours.Decode0:F0} tokens/s"));
            }

            return true;
        });

        // Last, so that the block it reads does not count as the engine's memory.
        var bandwidth = MemoryBandwidth.Measure(threads);
        context.Output.Result(
            json =>
            {
                WriteMachine(json, bandwidth);
                json.WriteString("model", engine.Name);
                json.WriteNumber("threads", threads);
                json.WriteNumber("runs", runs);
                ours.Write(json, "ours");
                if (peer is not null)
                {
                    theirs.Write(json, "peer");
                    json.WriteStartObject("ratios");
                    json.WriteNumber("prefill512", Math.Round(ours.Prefill512 / theirs.Prefill512, 2));
                    json.WriteNumber("decode0", Math.Round(ours.Decode0 / theirs.Decode0, 2));
                    json.WriteNumber("decode512", Math.Round(ours.Decode512 / theirs.Decode512, 2));
                    json.WriteEndObject();
                }
            },
            _ => context.Output.Text(
                Line("ours", ours) + (peer is null ? "" : Line("peer", theirs)) + $"one pass over 8 drafted tokens: {ours.Verify8:F2} decode steps; memory reads at {bandwidth / 1e9:F1} GB/s\n"));
        return ExitCode.Done;
    }

    private static int RunTraining(CommandContext context, int batch, int sequence, int rank, int steps)
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
                json.WriteNumber("peakResidentBytes", PeakMemory.Bytes());
                json.WriteNumber("fmaPeakGflops", Math.Round(peak / 1e9, 1));
                json.WriteNumber("fractionOfPeak", Math.Round(fraction, 3));
                json.WriteNumber("batch", batch);
                json.WriteNumber("sequence", sequence);
                json.WriteNumber("rank", rank);
            },
            _ => context.Output.Text($"{tokensPerSecond:F0} tokens/s at {batch} x {sequence}, {fraction:P0} of the {peak / 1e9:F0} GFLOP/s that multiply-adds reach here; {PeakMemory.Bytes() / 1e6:F0} MB at most\n"));
        return ExitCode.Done;
    }

    /// <summary>What a token needs at least: each weight of a layer and of the output layer once forward and once backward, two operations each; recomputation and the adapter are not counted.</summary>
    private static double FlopsPerToken(DecoderDescription d)
    {
        var layer = ((double)d.HiddenSize * ((2 * d.QuerySize) + (2 * d.KeyValueSize))) + (3.0 * d.HiddenSize * d.IntermediateSize);
        return 4 * ((layer * d.LayerCount) + ((double)d.VocabularySize * d.HiddenSize));
    }

    private static void WriteMachine(Utf8JsonWriter json, double bandwidth)
    {
        json.WriteStartObject("machine");
        json.WriteNumber("cores", Environment.ProcessorCount);
        json.WriteString("cpu", $"{RuntimeInformation.ProcessArchitecture} {string.Join(", ", Core.Kernels.InstructionSets.Describe())}");
        json.WriteNumber("readGBps", Math.Round(bandwidth / 1e9, 1));
        json.WriteEndObject();
    }

    private static string Line(string name, ThroughputFigures figures) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}: prefill 512 {figures.Prefill512:F0}, decode {figures.Decode0:F0}, decode after 512 {figures.Decode512:F0} tokens/s\n");
}

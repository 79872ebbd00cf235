using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Benchmarks;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Cli.Samples;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Commands;

/// <summary><c>bench inference</c>: what serving reaches, part by part.</summary>
internal static class BenchInferenceCommand
{
    private const string Throughput = "throughput";
    private const string Adapter = "adapter";
    private const string Switch = "switch";
    private const string Start = "start";
    private const string Memory = "memory";
    private const string Divergence = "divergence";
    private const string Q4 = "q4_0";
    private const string Context = "context";
    private const string Shapes = "shapes";
    private const string Speculation = "speculation";
    private static readonly string[] Parts = [Throughput, Adapter, Switch, Start, Memory, Divergence, Q4, Context, Shapes, Speculation];

    public static Command Create(CommandHost host)
    {
        var parts = new Option<string[]>("--part")
        {
            Description = $"What to measure, one or several of {string.Join(", ", Parts)} [default: {Throughput}]",
            HelpName = "PART",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [Throughput],
        };
        var peer = new Option<string?>("--peer") { Description = "A peer's program, run alternately on the same file", HelpName = "PATH" };
        var runs = new Option<int>("--runs") { Description = "How many counted runs; the medians are reported", HelpName = "N", DefaultValueFactory = _ => 5 }.InRange(1, 100);
        var adapter = AdapterOption.Create();
        var folder = new Option<string?>("--folder") { Description = $"Where the files of {Shapes} are kept and found again [default: a temporary folder, removed afterwards]", HelpName = "DIR" };
        var shape = new Option<string[]>("--shape") { Description = $"For {Shapes}: {string.Join(" or ", ModelShape.All.Select(one => one.Name))} [default: all]", HelpName = "NAME", AllowMultipleArgumentsPerToken = true };
        var text = new Option<string?>("--text") { Description = $"For {Divergence}: UTF-8, also .gz, or .jsonl of interactions [default: the sample that demo uses]", HelpName = "FILE" };
        var tokens = new Option<int>("--tokens") { Description = $"For {Divergence}: how many tokens", HelpName = "N", DefaultValueFactory = _ => 1024 }.AtLeast(2);
        var interactions = new Option<string?>("--interactions") { Description = $"For {Speculation}: a person's interactions, JSON lines in time order [default: the sample that demo uses]", HelpName = "FILE" };
        var rows = RowRange.Create();
        rows.Description = $"For {Speculation}: the rows that ask, A to B, counted from 0; the rows before are the history [default: the last 20]";
        var dialogues = new Option<string?>("--dialogues") { Description = $"For {Speculation}: lines of U: and A:, a blank line between dialogues", HelpName = "FILE" };
        var draftModel = new Option<string?>("--draft-model") { Description = $"For {Speculation}: a smaller model with the same vocabulary", HelpName = "PATH" };
        var maxTokens = new Option<int>("--max-tokens") { Description = $"For {Speculation}: how long an answer may be", HelpName = "N", DefaultValueFactory = _ => 96 }.AtLeast(2);
        var check = new Option<int>("--check") { Description = $"For {Speculation}: compare so many texts a drafter with those of none, with and without sinks and an adapter", HelpName = "N", DefaultValueFactory = _ => 0 }.AtLeast(0);
        var cacheType = CacheTypeOption.Create();
        var command = new Command("inference", "What serving reaches: speed, memory, start, adapters, other shapes, speculation")
        {
            parts, peer, runs, adapter, folder, shape, text, tokens, interactions, rows, dialogues, draftModel, maxTokens, check, cacheType,
        };
        RequireKnown(command, parts, Parts);
        RequireKnown(command, shape, [.. ModelShape.All.Select(one => one.Name)]);
        host.Bind(command, context =>
        {
            using var engine = Engine.Load(context, context.Get(adapter) ?? AdapterOption.None);
            engine.CachePrecision = CacheTypeOption.Parse(context.Get(cacheType));
            using var files = new BenchmarkFolder(context.Get(folder));
            var bench = new InferenceBench(context, engine, context.Get(peer), context.Get(runs), files.Path);
            var names = context.Get(parts);
            return Run(bench, [.. Parts.Where(name => names.Contains(name, StringComparer.Ordinal)).Select(name => (name, Create(name)))]);

            IInferencePart Create(string name) => name switch
            {
                Throughput => new ThroughputPart(),
                Adapter => new AdapterPart(),
                Switch => new SwitchPart(),
                Start => new StartPart(),
                Memory => new MemoryPart(),
                Divergence => new DivergencePart(context.Get(text) is { } path ? CorpusFile.Read(path) : SampleText(), context.Get(tokens)),
                Q4 => new OtherTypePart(),
                Context => new ContextPart(),
                Shapes => new ShapePart(ChooseShapes(context.Get(shape)), keep: context.Get(folder) is not null),
                _ => new SpeculationPart(Scenarios(engine, context.Get(interactions), context.Get(rows), context.Get(dialogues)), DrafterKind.All(context, engine, context.Get(draftModel)), context.Get(maxTokens), context.Get(check)),
            };
        });
        return command;
    }

    private static int Run(InferenceBench bench, IReadOnlyList<(string Name, IInferencePart Part)> parts)
    {
        bench.Context.Output.WithProgress("bench", progress =>
        {
            for (var i = 0; i < parts.Count; i++)
            {
                progress.Report(new WorkProgress((double)i / parts.Count, parts[i].Name));
                parts[i].Part.Run(bench);
            }

            return true;
        });

        // Last, so that the block it reads does not count as the engine's memory.
        var bandwidth = MemoryBandwidth.Measure(bench.Threads);
        bench.Context.Output.Result(
            json =>
            {
                BenchCommand.WriteMachine(json, bandwidth);
                json.WriteString("model", bench.Engine.Name);
                json.WriteNumber("threads", bench.Threads);
                json.WriteNumber("runs", bench.Runs);
                foreach (var (_, part) in parts)
                {
                    part.Write(json, bandwidth);
                }
            },
            _ =>
            {
                foreach (var line in parts.SelectMany(part => part.Part.Describe(bandwidth)).Append(string.Create(CultureInfo.InvariantCulture, $"memory reads at {bandwidth / 1e9:F1} GB/s")))
                {
                    bench.Context.Output.Text(line + "\n");
                }
            });
        return ExitCode.Done;
    }

    private static IReadOnlyList<ModelShape> ChooseShapes(string[]? names) => names is { Length: > 0 } ? [.. ModelShape.All.Where(shape => names.Contains(shape.Name, StringComparer.Ordinal))] : ModelShape.All;

    private static List<SpeculationScenario> Scenarios(Engine engine, string? interactions, RowRange? rows, string? dialogues)
    {
        if (rows is not null && interactions is null)
        {
            throw new UsageException("--rows needs --interactions");
        }

        var scenarios = SpeculationTexts.FromInteractions(engine, interactions is null ? Sample() : InteractionFile.Read(interactions, rows is null ? null : new RowRange(0, rows.Last)), rows).ToList();
        if (dialogues is not null)
        {
            scenarios.Add(SpeculationTexts.FromDialogues(engine, dialogues));
        }

        return scenarios;
    }

    private static string SampleText() => string.Join("\n\n", Sample().Select(interaction => interaction.Text));

    private static List<Interaction> Sample()
    {
        using var stream = SampleInteractions.Open();
        return [.. InteractionJsonLines.Read(stream, OwnConsent.Source).Select(line => line.Interaction ?? throw new InvalidOperationException("the sample is a part of the build"))];
    }

    private static void RequireKnown(Command command, Option<string[]> option, IReadOnlyList<string> words) => command.Validators.Add(result =>
    {
        foreach (var word in (result.GetValue(option) ?? []).Where(word => !words.Contains(word, StringComparer.Ordinal)))
        {
            result.AddError($"{option.Name} {word} is not offered: it must be one of {string.Join(", ", words)}");
        }
    });
}

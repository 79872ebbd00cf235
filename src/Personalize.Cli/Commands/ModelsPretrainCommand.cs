using System.CommandLine;
using System.Globalization;
using System.Text;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Presentation;
using Personalize.Core.Kernels;
using Personalize.Core.Tokenization.Templates;
using Personalize.Training.Checkpoints;
using Personalize.Training.Pretraining;

namespace Personalize.Cli.Commands;

/// <summary><c>models pretrain</c>: trains a small model from nothing.</summary>
internal static class ModelsPretrainCommand
{
    private const int FewestSecondsBetweenCheckpoints = 0;

    public static Command Create(CommandHost host)
    {
        var recipe = new Argument<string>("recipe") { Description = "The recipe: texts, tokenizer, shape, schedule (JSON)" };
        var target = new Argument<string>("out") { Description = "The GGUF file to write; its curve goes beside it as .curve.jsonl" };
        var folder = new Option<string?>("--checkpoints") { Description = "Where the state is kept, so that the same command goes on after an interruption [default: OUT.checkpoints]", HelpName = "DIR" };
        var interval = new Option<int>("--checkpoint-interval") { Description = "Seconds between two checkpoints", HelpName = "N", DefaultValueFactory = _ => 120 };
        interval.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < FewestSecondsBetweenCheckpoints)
            {
                result.AddError("--checkpoint-interval must not be negative");
            }
        });
        var snapshot = new Option<bool>("--snapshot") { Description = "Trains nothing: writes the model as the latest checkpoint left it, also while a run goes on" };
        var command = new Command("pretrain", "Trains a small model from nothing: a tokenizer, then every weight") { recipe, target, folder, interval, snapshot };
        host.Bind(command, context => Run(context, context.Get(recipe), context.Get(target), context.Get(folder), TimeSpan.FromSeconds(context.Get(interval)), context.Get(snapshot)));
        return command;
    }

    private static int Run(CommandContext context, string recipePath, string target, string? folder, TimeSpan interval, bool snapshot)
    {
        var recipe = PretrainingRecipe.FromJson(Encoding.UTF8.GetBytes(TextFile.Read(recipePath)));
        var home = Path.GetDirectoryName(Path.GetFullPath(recipePath))!;
        var corpus = new PretrainingCorpus(Read(home, recipe.Train), Read(home, recipe.Dev));
        var checkpoints = new CheckpointOptions { Storage = new CheckpointFiles(folder ?? target + ".checkpoints"), Interval = interval };
        using var pool = new WorkerPool(context.Threads);
        using var result = context.Output.WithProgress("pretraining", progress =>
        {
            var pretrainer = new Pretrainer(recipe, pool, memory: null, context.Time);
            return snapshot
                ? pretrainer.Snapshot(corpus, checkpoints, context.CancellationToken)
                : pretrainer.Run(corpus, checkpoints, TrainingText.Forward(progress), new CurveFile(target + ".curve.jsonl"), context.CancellationToken);
        });
        OutputFile.Write(target, result.ToGguf().Write);
        var bytes = new FileInfo(target).Length;
        var last = result.Curve is [.., var point] ? point : null;
        context.Output.Result(
            json =>
            {
                json.WriteString("model", recipe.Name);
                json.WriteNumber("parameters", result.ParameterCount);
                json.WriteNumber("fileBytes", bytes);
                json.WriteNumber("dialogues", result.Dialogues);
                json.WriteNumber("leftOut", result.LeftOut);
                json.WriteNumber("epochTokens", result.EpochTokens);
                json.WriteNumber("steps", result.Steps);
                json.WriteNumber("trainTokens", result.TrainTokens);
                json.WriteNumber("trainSeconds", result.Elapsed.TotalSeconds);
                json.WriteNumber("peakResidentBytes", ProcessMemory.PeakBytes());
                AdapterText.WriteFigure(json, "devLoss", last?.DevLoss);
                AdapterText.WriteFigure(json, "devBitsPerByte", last?.DevBitsPerByte);
            },
            _ => context.Output.Text(string.Create(
                CultureInfo.InvariantCulture,
                $"{target}: {result.ParameterCount:N0} parameters in {bytes / 1e6:F2} MB, {result.Steps} steps over {result.TrainTokens:N0} tokens in {result.Elapsed.TotalMinutes:F0} min{(last is null ? "" : string.Create(CultureInfo.InvariantCulture, $", dev loss {last.DevLoss:F4}, {last.DevBitsPerByte:F4} bits a byte"))}\n")));
        return ExitCode.Done;
    }

    private static List<IReadOnlyList<PromptMessage>> Read(string home, IReadOnlyList<string> files) =>
        [.. files.SelectMany(file => DialogueText.Parse(TextFile.Read(Path.Combine(home, file)), file))];
}

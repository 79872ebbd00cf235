using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Inference.Merging;

namespace Personalize.Cli.Commands;

/// <summary><c>adapters merge</c>: a model file of its own with an adapter merged into the weights.</summary>
internal static class AdapterMergeCommand
{
    public static Command Create(CommandHost host, Argument<string> id)
    {
        var path = new Argument<string>("out.gguf") { Description = "A new model file; it holds what was learned from you, in the clear" };
        var interactions = new Option<string?>("--interactions") { Description = "JSON lines to judge by [default: the stored interactions after those the adapter learned from]", HelpName = "FILE" };
        var rows = RowRange.Create();
        var keep = new Option<double>("--keep") { Description = "The share of the adapter's gain that must be kept", HelpName = "SHARE", DefaultValueFactory = _ => new MergeOptions().GainToKeep }.InRange(0, 1);
        var eightBitKl = new Option<double>("--eight-bit-kl")
        {
            Description = "The largest mean divergence in engines that round activations to 8 bits; tensors are stored wider until it holds, by at most a quarter; 100 keeps the file smallest",
            HelpName = "KL",
            DefaultValueFactory = _ => new MergeOptions().MostEightBitKl,
        }.InRange(0, 100);
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace a file that is there" };
        var command = new Command("merge", "Write a model with an adapter merged into its weights, for programs that know no adapters") { id, path, interactions, rows, keep, eightBitKl, overwrite };
        host.Bind(command, context => Run(context, context.Get(id), context.Get(path), context.Get(interactions), context.Get(rows), context.Get(keep), context.Get(eightBitKl), context.Get(overwrite)));
        return command;
    }

    private static int Run(CommandContext context, string id, string path, string? file, RowRange? rows, double keep, double eightBitKl, bool overwrite)
    {
        if (rows is not null && file is null)
        {
            throw new UsageException("--rows needs --interactions");
        }

        // Known before minutes of work.
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        if ((File.Exists(path) && !overwrite) || Directory.Exists(path))
        {
            throw new AdapterFormatException(AdapterFormatError.AlreadyExists, path, "is there already: choose another place, or pass --overwrite");
        }

        if (!Directory.Exists(folder))
        {
            throw new AdapterFormatException(AdapterFormatError.NotWritable, path, "its folder does not exist: create it first");
        }

        var (record, stored) = ReadProfile(context, id);
        using var engine = Engine.Load(context, record.Id);
        var adapter = engine.Adapter ?? throw new InvalidOperationException("an adapter that was asked for is loaded or refused");
        var (texts, report, bytes) = context.Output.WithProgress("merging", progress =>
        {
            var chosen = MergeTexts.Choose(context, engine, stored, record.Provenance.TrainedOn, file, rows);
            if (chosen.Judging.All(text => text.Ids.Length <= Math.Max(1, text.FirstTarget)))
            {
                throw new UsageException("the interactions to judge by have no reply within the model's context: choose others with --interactions");
            }

            using var merge = new AdapterMerge(engine.Model, adapter, engine.Pool, new MergeOptions { GainToKeep = keep, MostEightBitKl = eightBitKl });
            var figures = merge.Choose(chosen.Calibration, chosen.Judging, new Forwarder(progress), context.CancellationToken);
            return (chosen, figures, merge.WriteGguf(path, record.Id, overwrite));
        });
        if (report.GainKept < keep)
        {
            context.Output.Warning($"only {report.GainKept:P1} of the gain could be kept");
        }

        if (report.EightBitKl > eightBitKl)
        {
            context.Output.Warning($"engines that round activations to 8 bits will differ by a mean KL of {report.EightBitKl:F4}: the file may not grow further");
        }

        context.Output.Result(
            json =>
            {
                json.WriteString("id", record.Id);
                json.WriteString("path", path);
                json.WriteNumber("bytes", bytes);
                AdapterText.WriteFigure(json, "meanKl", report.MeanKl);
                AdapterText.WriteFigure(json, "maxKl", report.MaxKl);
                AdapterText.WriteFigure(json, "gainKept", report.GainKept);
                AdapterText.WriteFigure(json, "gainKeptNarrow", report.NarrowGainKept);
                AdapterText.WriteFigure(json, "eightBitKl", report.EightBitKl);
                AdapterText.WriteFigure(json, "eightBitKlNarrow", report.NarrowEightBitKl);
                json.WriteNumber("addedBytes", report.Bytes - report.OriginalBytes);
                json.WriteBoolean("hasGain", report.HasGain);
                AdapterText.WriteFigure(json, "nllBase", report.BaseNll);
                AdapterText.WriteFigure(json, "nllAdapter", report.AdapterNll);
                AdapterText.WriteFigure(json, "nllMerged", report.MergedNll);
                json.WriteNumber("tokens", report.Tokens);
                json.WriteString("judgedOn", texts.Source);
                json.WriteStartArray("tensors");
                foreach (var tensor in report.Tensors)
                {
                    json.WriteStartObject();
                    json.WriteString("name", tensor.Name);
                    json.WriteString("originalType", tensor.OriginalType.ToString());
                    json.WriteString("type", tensor.Type.ToString());
                    json.WriteNumber("originalBytes", tensor.OriginalBytes);
                    json.WriteNumber("bytes", tensor.Bytes);
                    AdapterText.WriteFigure(json, "error", tensor.Error);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            },
            _ => context.Output.Text(
                $"{record.Id} merged into {path}: {bytes / 1e6:F1} MB, {(report.Bytes - report.OriginalBytes) / 1e6:F1} MB of them for wider types, {report.Tensors.Count(tensor => tensor.Type != tensor.OriginalType)} of {report.Tensors.Count} tensors in a wider type\n"
                + $"loss of {report.Tokens} tokens ({texts.Source}): base {report.BaseNll:F4}, adapter {report.AdapterNll:F4}, merged {report.MergedNll:F4}; {report.GainKept:P1} of the gain kept, mean KL {report.MeanKl:F4}, largest {report.MaxKl:F3}\n"
                + $"in engines that round activations to 8 bits: mean KL {report.EightBitKl:F4} to exact arithmetic, {report.NarrowEightBitKl:F4} without wider types\n"));
        return ExitCode.Done;
    }

    private static (AdapterRecord Record, List<Interaction> Stored) ReadProfile(CommandContext context, string id)
    {
        using var profile = ProfileAccess.OpenForReading(context);
        return (profile.Adapters.Get(id), [.. profile.Interactions.ReadAll()]);
    }

    private sealed class Forwarder(IProgress<WorkProgress> progress) : IProgress<MergeProgress>
    {
        public void Report(MergeProgress value) => progress.Report(new WorkProgress(value.Fraction, value.GainKept is { } kept ? $"{kept:P1} kept" : ""));
    }
}

using System.CommandLine;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Cli.Samples;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Inference.Adapters;
using Personalize.Training;
using Personalize.Training.Data;
using Personalize.Training.Jobs;

namespace Personalize.Cli.Commands;

/// <summary><c>demo</c>: the whole loop in a fresh profile that is gone afterwards, unless it is to be kept.</summary>
internal static class DemoCommand
{
    private const int SampleCount = 3;

    public static Command Create(CommandHost host)
    {
        var interactions = new Option<string?>("--interactions") { Description = "JSON lines to learn from [default: 320 messages of an invented person]", HelpName = "FILE.jsonl" };
        var keep = new Option<string?>("--keep") { Description = "Keep the profile in this folder, which must not hold one yet [default: a temporary one]", HelpName = "DIR" };
        var recipe = RecipeOption.Create();
        var command = new Command("demo", "Record, train, judge and write, before and after, in a profile of its own") { interactions, keep, recipe };
        host.Bind(command, context =>
        {
            using var source = context.Get(interactions) is { } path ? TextFile.Open(path) : SampleInteractions.Open();
            return Run(context, source, RecipeOption.Read(context, context.Get(recipe)), RecipeOption.NameOf(context.Get(recipe)), context.IsGiven(recipe), context.Get(keep));
        });
        return command;
    }

    private static int Run(CommandContext context, Stream source, LoraRecipe recipe, string recipeName, bool isChosen, string? keep)
    {
        var kept = keep is null ? null : Path.GetFullPath(keep);
        if (kept is not null && Profile.Exists(kept))
        {
            throw new UsageException($"--keep {kept}: there is a profile already; name another folder, or use it with train --now --data");
        }

        using var temporary = kept is null ? new TemporaryProfileFolder() : null;
        var folder = kept ?? temporary!.Path;
        using var engine = Engine.Load(context, AdapterOption.None);
        recipe = isChosen ? recipe : SuitedRecipe.For(engine.Model.Description, recipe);
        var (interactions, result, id, samples) = Learn(context, engine, folder, source, recipe, recipeName);
        if (kept is not null)
        {
            RememberedModel.Write(folder, engine.Model.Path);
        }

        // The profile is closed: what lies in its folder now is what would lie there overnight.
        var report = new DemoReport(engine.Name, recipe, interactions.Count, id, result, samples, SealCheck.Run(folder, interactions), kept);
        context.Output.Result(json => DemoText.WriteJson(json, report), console => DemoText.WriteTables(console, report));
        return report.Seal.ReadableTexts > 0 ? ExitCode.Failed : result.Gate.IsPromoted ? ExitCode.Done : ExitCode.Refused;
    }

    private static (List<Interaction> Interactions, PersonalizationResult Result, string AdapterId, IReadOnlyList<DemoSample> Samples) Learn(
        CommandContext context, Engine engine, string folder, Stream source, LoraRecipe recipe, string recipeName)
    {
        using var profile = Profile.Open(folder, new ProfileOptions { TimeProvider = context.Time });
        var interactions = Record(context, profile, source);
        context.Output.Note($"{interactions.Count} messages stored and sealed; learning from them with {engine.Name}");
        var job = new PersonalizationJob(engine.Model, engine.Chat, engine.Pool, recipe, memory: null, context.Time);
        var result = context.Output.WithProgress("training", progress => job.Run(interactions, incumbent: null, TrainingText.Forward(progress), context.CancellationToken));
        var record = PersonalizationJob.Keep(profile.Adapters, result, recipeName);

        // Read back from the profile: what is shown is what a later conversation would be served with.
        using var adapter = new AttachedAdapter(profile.Adapters.Load(record.Id), engine.Model, engine.Pool);
        return (interactions, result, record.Id, SampleWriter.Write(context, engine, adapter, Choose(interactions, result.Split)));
    }

    private static List<Interaction> Record(CommandContext context, Profile profile, Stream source)
    {
        OwnConsent.WriteDown(profile.Interactions.Consent);
        var import = InteractionImport.Run(profile.Interactions, source, OwnConsent.Source, strict: false, context.CancellationToken);
        foreach (var line in import.Skipped)
        {
            context.Output.Warning($"{line}, skipped");
        }

        // In the order of the file, which is one history: published ones have timestamps that run backwards here and there.
        return [.. profile.Interactions.ReadAll().OrderBy(interaction => interaction.Id).Take(ChronologicalSplit.ProtocolCount)];
    }

    // Spread over the later interactions, none of which was trained on.
    private static List<Interaction> Choose(List<Interaction> interactions, ChronologicalSplit split)
    {
        var count = Math.Min(SampleCount, split.TestCount);
        return [.. Enumerable.Range(0, count).Select(i => interactions[split.TestStart + (i * split.TestCount / count)])];
    }
}

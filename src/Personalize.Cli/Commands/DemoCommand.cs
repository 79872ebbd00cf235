using System.CommandLine;
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

/// <summary><c>demo</c>: the whole loop in a fresh profile that is gone afterwards.</summary>
internal static class DemoCommand
{
    private const int SampleCount = 3;

    public static Command Create(CommandHost host)
    {
        var interactions = new Option<string?>("--interactions") { Description = "JSON lines to learn from [default: 128 letters of an invented person]", HelpName = "FILE.jsonl" };
        var recipe = RecipeOption.Create();
        var command = new Command("demo", "Record, train, judge and write, before and after, in a temporary profile") { interactions, recipe };
        host.Bind(command, context =>
        {
            using var source = context.Get(interactions) is { } path ? TextFile.Open(path) : SampleInteractions.Open();
            return Run(context, source, RecipeOption.Read(context, context.Get(recipe)));
        });
        return command;
    }

    private static int Run(CommandContext context, Stream source, LoraRecipe recipe)
    {
        using var engine = Engine.Load(context, AdapterOption.None);
        using var folder = new TemporaryProfileFolder();
        using var profile = Profile.Open(folder.Path, new ProfileOptions { TimeProvider = context.Time });
        var interactions = Record(context, profile, source);
        var job = new PersonalizationJob(engine.Model, engine.Chat, engine.Pool, recipe, memory: null, context.Time);
        var result = context.Output.WithProgress("training", progress => job.Run(interactions, incumbent: null, TrainingText.Forward(progress), context.CancellationToken));
        var record = PersonalizationJob.Keep(profile.Adapters, result, RecipeOption.Peft);

        // Read back from the profile: what is shown is what a later conversation would be served with.
        using var adapter = new AttachedAdapter(profile.Adapters.Load(record.Id), engine.Model, engine.Pool);
        var samples = SampleWriter.Write(context, engine, adapter, Choose(interactions, result.Split));
        context.Output.Result(
            json =>
            {
                json.WriteString("model", engine.Name);
                json.WriteNumber("interactions", interactions.Count);
                json.WriteNumber("steps", result.Training.Steps);
                TrainingText.WriteFigures(json, JobOutcome.Of(result));
                DemoText.WriteSamples(json, samples);
            },
            console => DemoText.WriteTables(console, engine.Name, interactions.Count, result, samples));
        return result.Gate.IsPromoted ? ExitCode.Done : ExitCode.Refused;
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

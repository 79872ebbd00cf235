using System.CommandLine;
using Personalize.Cli.Diagnostics;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Adapters;
using Personalize.Core.Interactions;
using Personalize.Training;
using Personalize.Training.Jobs;
using Personalize.Training.Privacy;

namespace Personalize.Cli.Commands;

/// <summary><c>train --now</c>: one training job over what the store holds.</summary>
internal static class TrainCommand
{
    public static Command Create(CommandHost host)
    {
        var now = new Option<bool>("--now") { Description = "Do not wait for anything" };
        var recipe = RecipeOption.Create();
        var epsilon = PrivacyOptions.Epsilon("Train with a guarantee: no single text may show in the adapter by more than this (differential privacy; 8 is weak, 1 is strong)");
        var delta = PrivacyOptions.Delta();
        var command = new Command("train", "Learn from what is stored; the adapter is used only if it predicts your later texts better") { now, recipe, epsilon, delta };
        command.RequireOneOf(now);
        command.RequireTogether(delta, epsilon);
        host.Bind(command, context => Run(context, RecipeOption.Read(context, context.Get(recipe), PrivacyOptions.Read(context, epsilon, delta)), Path.GetFileNameWithoutExtension(context.Get(recipe))));
        return command;
    }

    private static int Run(CommandContext context, LoraRecipe recipe, string recipeName)
    {
        var (interactions, incumbent) = ReadProfile(context);
        using var engine = Engine.Load(context, AdapterOption.None);
        var job = new PersonalizationJob(engine.Model, engine.Chat, engine.Pool, recipe, memory: null, context.Time);
        var privacy = EnterInLedger(context, job, interactions.Count);
        var result = context.Output.WithProgress("training", progress => job.Run(interactions, incumbent, TrainingText.Forward(progress), context.CancellationToken));

        // Open only now: while it trained, others could go on recording.
        using var profile = ProfileAccess.OpenPatiently(context);
        var record = PersonalizationJob.Keep(profile.Adapters, result, recipeName);
        RememberedModel.Write(context.DataDirectory, engine.Model.Path);
        context.Output.Result(
            json =>
            {
                json.WriteString("adapterId", record.Id);
                json.WriteNumber("interactions", interactions.Count);
                json.WriteNumber("steps", result.Training.Steps);
                json.WriteStartArray("losses");
                foreach (var loss in result.Training.Losses)
                {
                    json.WriteNumberValue(loss);
                }

                json.WriteEndArray();
                TrainingText.WriteFigures(json, result);
                if (privacy is not null)
                {
                    PrivacyText.WriteSpending(json, privacy);
                }
            },
            _ => context.Output.Text(
                $"adapter {record.Id} {TrainingText.Verdict(result.Gate)}: {TrainingText.Reason(result.Gate)}\n"
                + $"{result.Training.TrainTokens} tokens in {result.Training.Elapsed.TotalSeconds:F1} s, {result.Training.TokensPerSecond:F0} a second, {PeakMemory.Bytes() / 1e6:F0} MB at most\n"));
        return result.Gate.IsPromoted ? ExitCode.Done : ExitCode.Refused;
    }

    /// <summary>Writes down what the job will reveal, before it can have revealed anything; null where the recipe asks for no guarantee.</summary>
    private static PrivacySpending? EnterInLedger(CommandContext context, PersonalizationJob job, int interactions)
    {
        if (job.PlanPrivacy(interactions) is not { } mechanism)
        {
            return null;
        }

        using var profile = ProfileAccess.OpenExistingForWriting(context);
        using var ledger = new PrivacyLedger(profile);
        return ledger.Enter(Guid.NewGuid().ToString("N"), mechanism);
    }

    private static (List<Interaction> Interactions, LoraAdapter? Incumbent) ReadProfile(CommandContext context)
    {
        using var profile = ProfileAccess.OpenForReading(context);
        return ([.. profile.Interactions.ReadAll()], profile.Adapters.GetPromoted() is { } promoted ? profile.Adapters.Load(promoted.Id) : null);
    }
}

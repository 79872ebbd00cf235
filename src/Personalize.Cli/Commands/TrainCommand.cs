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
using Personalize.Training.Checkpoints;
using Personalize.Training.Evaluation;
using Personalize.Training.Jobs;
using Personalize.Training.Memory;
using Personalize.Training.Privacy;

namespace Personalize.Cli.Commands;

/// <summary><c>train</c>: one training job over what the store holds. It keeps checkpoints in the profile, and <c>--resume</c> goes on from them.</summary>
internal static class TrainCommand
{
    private const double LongestIntervalSeconds = 24 * 3600;
    private const double LongestWaitSeconds = 30 * 24 * 3600;
    private const double DefaultWaitSeconds = 12 * 3600;
    private const int MostCanaries = 8;

    public static Command Create(CommandHost host)
    {
        var now = new Option<bool>("--now") { Description = "Do not wait until the device charges, is idle and cool" };
        var resume = new Option<bool>("--resume") { Description = "Go on with an interrupted job, now; where the last one is finished and nothing was recorded since, show its result again" };
        var every = new Option<double>("--checkpoint-every")
        {
            Description = "Seconds between two checkpoints; 0 writes one after each step",
            HelpName = "SECONDS",
            DefaultValueFactory = _ => CheckpointOptions.DefaultInterval.TotalSeconds,
        }.InRange(0, LongestIntervalSeconds);
        var recipe = RecipeOption.Create();
        var memory = MemoryOption.Create();
        var epsilon = PrivacyOptions.Epsilon("Train with a guarantee: no single text may show in the adapter by more than this (differential privacy; 8 is weak, 1 is strong)");
        var delta = PrivacyOptions.Delta();
        var assume = ConditionOptions.Assume();
        var giveUp = new Option<double>("--give-up-after") { Description = "Seconds to wait for the device's conditions at most", HelpName = "SECONDS", DefaultValueFactory = _ => DefaultWaitSeconds }.InRange(0, LongestWaitSeconds);
        var canaries = new Option<int>("--canaries") { Description = "Plant so many invented secrets among what trains, and refuse an adapter that learnt one by heart", HelpName = "N" }.InRange(0, MostCanaries);
        var command = new Command("train", "Learn from what is stored; the adapter is used only if it predicts your later texts better") { now, resume, recipe, every, memory, epsilon, delta, assume, giveUp, canaries };
        command.RequireTogether(delta, epsilon);
        host.Bind(command, context =>
        {
            var privacy = PrivacyOptions.Read(context, epsilon, delta);
            var chosen = context.IsGiven(recipe) || context.Seed is not null || privacy is not null || !context.Get(resume) ? RecipeOption.Read(context, context.Get(recipe), privacy) : null;
            var wait = context.Get(now) || context.Get(resume) ? null : new ConditionWait(context, ConditionOptions.Open(context, assume), TimeSpan.FromSeconds(context.Get(giveUp)));
            var options = new JobOptions { Gate = new GateOptions { Canaries = context.Get(canaries) }, Sources = new SourceLimits { Trusted = [OwnConsent.Source] } };
            return Run(context, chosen, RecipeOption.NameOf(context.Get(recipe)), context.Get(resume), TimeSpan.FromSeconds(context.Get(every)), MemoryOption.Read(context, memory), options, wait);
        });
        return command;
    }

    private static int Run(CommandContext context, LoraRecipe? chosen, string recipeName, bool resume, TimeSpan interval, TrainingMemory? memory, JobOptions options, ConditionWait? wait)
    {
        List<Interaction> interactions;
        LoraAdapter? incumbent;
        JobLog log;
        PersonalizationJob job;
        if (wait is not null)
        {
            // What is wrong with the profile is said before the night is waited for; the right to train is taken after it, so that nothing is kept from others meanwhile.
            ProfileAccess.OpenForReading(context).Dispose();
            wait.Wait();
        }

        using var journal = OpenJournal(context);
        using var engine = Engine.Load(context, AdapterOption.None);
        using (var profile = ProfileAccess.OpenForReading(context))
        {
            interactions = [.. profile.Interactions.ReadAll()];
            var goesOn = resume ? journal.Latest is { } latest && (latest.IsPending || latest.Covers(interactions)) ? latest : null : null;
            job = new PersonalizationJob(engine.Model, engine.Chat, engine.Pool, chosen ?? goesOn?.Recipe ?? LoraRecipe.Default, memory, context.Time, options);
            log = resume ? job.Resume(journal, profile.Adapters, interactions, recipeName) : job.Begin(journal, profile.Adapters, interactions, recipeName);
            if (!log.IsPending)
            {
                return Report(context, profile.Adapters.Get(log.AdapterId).Id, interactions.Count, log.Outcome!, session: null, privacy: null);
            }

            // One that this plan made before an erasure has seen what was erased: it has no place to defend.
            incumbent = profile.Adapters.GetPromoted() is { } promoted && promoted.Id != log.AdapterId && !log.FinishedAdapterIds.Contains(promoted.Id, StringComparer.Ordinal) ? profile.Adapters.Load(promoted.Id) : null;
        }

        var privacy = EnterInLedger(context, job, log);
        PersonalizationResult result;
        try
        {
            result = context.Output.WithProgress("training", progress =>
            {
                PersonalizationResult Work(CancellationToken token) => job.Run(journal, log, interactions, incumbent, interval, TrainingText.Forward(progress), token);
                return wait is null ? Work(context.CancellationToken) : wait.Work(Work);
            });
        }
        catch (OperationCanceledException)
        {
            context.Output.Note("train --now --resume goes on from here");
            throw;
        }

        // Open only now: while it trained, others could go on recording.
        using var writer = ProfileAccess.OpenPatiently(context);
        var record = PersonalizationJob.Keep(writer.Adapters, journal, log, result);
        RememberedModel.Write(context.DataDirectory, engine.Model.Path);
        return Report(context, record.Id, interactions.Count, JobOutcome.Of(result), result.Training, privacy);
    }

    private static JobJournal OpenJournal(CommandContext context)
    {
        using var profile = ProfileAccess.OpenForReading(context);
        return JobJournal.Open(profile);
    }

    /// <summary>Writes down what the job will reveal, before it can have revealed anything; null where the recipe asks for no guarantee. A job that is resumed is there already.</summary>
    private static PrivacySpending? EnterInLedger(CommandContext context, PersonalizationJob job, JobLog log)
    {
        if (job.PlanPrivacy(log) is not { } mechanism)
        {
            return null;
        }

        using var profile = ProfileAccess.OpenPatiently(context);
        using var ledger = new PrivacyLedger(profile);
        return ledger.Enter(log.AdapterId, mechanism);
    }

    private static int Report(CommandContext context, string adapterId, int interactions, JobOutcome outcome, TrainingResult? session, PrivacySpending? privacy)
    {
        context.Output.Result(
            json =>
            {
                json.WriteString("adapterId", adapterId);
                json.WriteNumber("interactions", interactions);
                json.WriteNumber("steps", outcome.Steps);
                json.WriteStartArray("losses");
                foreach (var loss in outcome.Losses)
                {
                    json.WriteNumberValue(loss);
                }

                json.WriteEndArray();
                json.WriteNumber("checkpoints", session?.CheckpointCount ?? 0);
                json.WriteNumber("checkpointSeconds", session?.CheckpointElapsed.TotalSeconds ?? 0);
                TrainingText.WriteFigures(json, outcome);
                if (privacy is not null)
                {
                    PrivacyText.WriteSpending(json, privacy);
                }
            },
            _ => context.Output.Text(
                LossChart.Draw(outcome.Losses)
                + $"adapter {adapterId} {TrainingText.Verdict(outcome.Gate)}: {TrainingText.Reason(outcome.Gate)}\n"
                + $"{outcome.TrainTokens} tokens in {outcome.Elapsed.TotalSeconds:F1} s, {outcome.TokensPerSecond:F0} a second, {ProcessMemory.PeakBytes() / 1e6:F0} MB at most\n"));
        return outcome.Gate.IsPromoted ? ExitCode.Done : ExitCode.Refused;
    }
}

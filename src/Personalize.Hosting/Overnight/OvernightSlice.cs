using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Training;
using Personalize.Training.Jobs;
using Personalize.Training.Privacy;

namespace Personalize.Hosting.Overnight;

/// <summary>One slice of work, from wherever the last one stopped to its end or until it is cancelled: the adapter in use is watched, then a job is done. Loads the model and frees it again.</summary>
/// <param name="profile">The profile.</param>
/// <param name="journal">The right to train.</param>
/// <param name="model">Loads the model.</param>
/// <param name="options">How to work.</param>
/// <param name="log">Where it is written down.</param>
/// <param name="time">The clock.</param>
internal sealed class OvernightSlice(IProfileAccess profile, JobJournal journal, Func<OvernightModel> model, OvernightOptions options, OvernightLog log, TimeProvider time)
{
    /// <summary>Does it.</summary>
    /// <param name="due">What there is to do.</param>
    /// <param name="progress">Told after every step; may rest.</param>
    /// <param name="cancellationToken">Looked at before every layer.</param>
    /// <returns>What it came to.</returns>
    public OvernightEntry Run(OvernightDue due, IProgress<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        using var loaded = model();
        var interactions = profile.Read(OvernightDue.Load);
        OvernightEntry? last = null;
        if (due.Watch)
        {
            last = Watch(loaded, interactions, cancellationToken);
        }

        return due.Train ? Train(loaded, interactions, progress, cancellationToken) : last ?? log.Write(Entry(OvernightKind.NotNow, $"the adapter in use holds; {due.Reason}", null));
    }

    private OvernightEntry? Watch(OvernightModel loaded, List<Interaction> interactions, CancellationToken cancellationToken)
    {
        var watch = new AdapterWatch(loaded.Model, loaded.Format, loaded.Pool, options.Watch);
        var newest = interactions.Count == 0 ? 0 : interactions.Max(interaction => interaction.Id);
        OvernightEntry? last = null;

        // Whatever is gone back to has to stand the same comparison.
        while (profile.Read(opened => opened.Adapters.GetPromoted() is { } promoted ? (promoted, opened.Adapters.Load(promoted.Id)) : default) is ({ } record, { } adapter))
        {
            var report = watch.Compare(record.Id, adapter, AdapterWatch.Since(journal, record, interactions), cancellationToken);
            if (report is not { IsWorse: true })
            {
                break;
            }

            var reason = $"worse than the base on {report.Interactions} later interactions: loss {report.AdapterNll:F4}, {report.BaseNll:F4} without it";
            _ = profile.Write(opened => opened.Adapters.Rollback(reason));
            last = log.Write(Entry(OvernightKind.RolledBack, reason, record.Id));
        }

        log.Change(history => history with { WatchedUpTo = newest });
        return last;
    }

    private OvernightEntry Train(
        OvernightModel loaded, List<Interaction> interactions, IProgress<TrainingProgress> progress, CancellationToken cancellationToken)
    {
        var jobOptions = new JobOptions { Gate = options.Gate, Sources = options.Sources, UseNewest = true };
        var job = new PersonalizationJob(loaded.Model, loaded.Format, loaded.Pool, options.Recipe ?? LoraRecipe.Default, options.Memory, time, jobOptions);
        var (plan, incumbent) = profile.Read(opened => Plan(opened, loaded, job, interactions));
        EnterInLedger(job, plan);
        using var activity = OvernightTelemetry.Activities.StartActivity("train");
        activity?.SetTag("personalize.adapter", plan.AdapterId);
        var result = job.Run(journal, plan, interactions, incumbent, options.CheckpointInterval, progress, cancellationToken);
        var record = profile.Write(opened =>
        {
            var kept = PersonalizationJob.Keep(opened.Adapters, journal, plan, result);
            _ = opened.Adapters.KeepLatest(options.KeepVersions);
            return kept;
        });
        activity?.SetTag("personalize.steps", result.Training.Steps);
        return log.Write(
            Entry(result.Gate.IsPromoted ? OvernightKind.Promoted : OvernightKind.Rejected, result.Gate.Explain(), record.Id),
            history => history with { PlannedUpTo = plan.NewestInteractionId, FailedUpTo = 0 });
    }

    private (JobLog Plan, LoraAdapter? Incumbent) Plan(Profile opened, OvernightModel loaded, PersonalizationJob job, List<Interaction> interactions)
    {
        var latest = journal.Latest;

        // A job of another recipe or model cannot be gone on with, and one that failed would fail again.
        var goesOn = latest is { IsPending: true }
            && string.Equals(latest.BaseFingerprint, loaded.Model.Fingerprint, StringComparison.Ordinal)
            && latest.Recipe.ToJson().AsSpan().SequenceEqual((options.Recipe ?? LoraRecipe.Default).ToJson())
            && OvernightHistory.Read(opened).FailedUpTo < latest.NewestInteractionId;
        var plan = goesOn ? job.Resume(journal, opened.Adapters, interactions, options.RecipeName) : job.Begin(journal, opened.Adapters, interactions, options.RecipeName);
        var incumbent = opened.Adapters.GetPromoted() is { } promoted && promoted.Id != plan.AdapterId && !plan.FinishedAdapterIds.Contains(promoted.Id, StringComparer.Ordinal)
            ? opened.Adapters.Load(promoted.Id)
            : null;
        return (plan, incumbent);
    }

    private void EnterInLedger(PersonalizationJob job, JobLog plan)
    {
        if (job.PlanPrivacy(plan) is { } mechanism)
        {
            _ = profile.Write(opened =>
            {
                using var ledger = new PrivacyLedger(opened);
                return ledger.Enter(plan.AdapterId, mechanism);
            });
        }
    }

    private OvernightEntry Entry(OvernightKind kind, string reason, string? adapterId) => new(time.GetUtcNow(), time.GetUtcNow(), kind, reason, adapterId);
}

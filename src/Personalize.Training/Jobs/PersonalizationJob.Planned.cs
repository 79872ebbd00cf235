using System.Security.Cryptography;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Privacy;

namespace Personalize.Training.Jobs;

/// <content>Jobs that outlive the process: planned in a journal, interrupted, resumed, replayed without what was erased.</content>
public sealed partial class PersonalizationJob
{
    /// <summary>Plans a job anew over what the store holds, and writes the plan down. A job that was not finished is given up.</summary>
    /// <param name="journal">The profile's journal.</param>
    /// <param name="registry">The profile's adapters.</param>
    /// <param name="interactions">What the person wrote, in time order, as <see cref="Run(IReadOnlyList{Interaction}, LoraAdapter?, IProgress{TrainingProgress}?, CancellationToken)"/> takes it.</param>
    /// <param name="recipeName">What to call the recipe.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="InsufficientDataException">Too few interactions to train on some and test on others.</exception>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public JobLog Begin(JobJournal journal, AdapterRegistry registry, IReadOnlyList<Interaction> interactions, string recipeName)
    {
        ArgumentNullException.ThrowIfNull(journal);
        var (kept, sources) = Choose(interactions);
        var split = ChronologicalSplit.Protocol(kept.Count);
        var runId = AdapterRegistry.NewId();
        JobSlot Slot(Interaction interaction) => new(interaction.Id, ExampleDigest.Of(Encode([interaction])[0]), 0);
        List<JobSlot> Slots(IEnumerable<Interaction> part) => [.. part.Select(Slot)];
        var canaries = new CanaryPlan(runId, _options.Gate.Canaries);
        var plan = new JobLog
        {
            RunId = runId,
            AdapterId = AdapterRegistry.NewId(),
            IsPending = true,
            BaseFingerprint = _model.Fingerprint,
            Recipe = _recipe,
            RecipeName = recipeName,
            Sequence = 0,
            NewestInteractionId = interactions.Max(interaction => interaction.Id),
            GapCount = split.GapCount,
            Train = canaries.PlantAmong(Slots(kept.Take(split.TrainCount)), Slot),
            Test = Slots(kept.Skip(split.TestStart).Take(split.TestCount)),
            Canaries = canaries.Count,
            Flooded = sources?.Flooded ?? JobLog.None,
            OverShare = sources?.OverShare ?? JobLog.None,
        };
        return journal.Begin(plan, registry);
    }

    /// <summary>
    /// Goes on with the latest job if it was interrupted, or if an erasure asks for a replay; returns it as it is if it is finished, its adapter is kept, and nothing was recorded since; else plans anew.
    /// What is gone from the store without the journal having been told is forgotten first.
    /// </summary>
    /// <param name="journal">The profile's journal.</param>
    /// <param name="registry">The profile's adapters.</param>
    /// <param name="interactions">What the person wrote, in time order.</param>
    /// <param name="recipeName">What to call the recipe of a new plan.</param>
    /// <returns>The plan; <see cref="JobLog.IsPending"/> tells whether there is anything to do.</returns>
    /// <exception cref="CheckpointMismatchException">The interrupted job is of another base or recipe.</exception>
    /// <exception cref="InsufficientDataException">Too few interactions to train on some and test on others.</exception>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public JobLog Resume(JobJournal journal, AdapterRegistry registry, IReadOnlyList<Interaction> interactions, string recipeName)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(registry);
        if (journal.Latest is not { } latest)
        {
            return Begin(journal, registry, interactions, recipeName);
        }

        var stored = interactions.Select(interaction => interaction.Id).ToHashSet();
        foreach (var slot in latest.Train.Concat(latest.Test).Where(slot => !slot.IsErased && !slot.IsCanary && !stored.Contains(slot.InteractionId)))
        {
            journal.Forget(slot.InteractionId, registry);
        }

        latest = journal.Latest!;
        var own = _recipe.ToJson();
        var sameRecipe = latest.Recipe.ToJson().AsSpan().SequenceEqual(own);
        var sameBase = string.Equals(latest.BaseFingerprint, _model.Fingerprint, StringComparison.Ordinal);
        if (!latest.IsPending)
        {
            return sameRecipe && sameBase && latest.Outcome is not null && latest.Covers(interactions) && registry.Contains(latest.AdapterId)
                ? latest
                : Begin(journal, registry, interactions, recipeName);
        }

        if (!sameBase)
        {
            throw new CheckpointMismatchException(CheckpointMismatch.OtherBase, journal.Locate(latest), _model.Fingerprint, latest.BaseFingerprint);
        }

        return sameRecipe
            ? latest
            : throw new CheckpointMismatchException(CheckpointMismatch.OtherRecipe, journal.Locate(latest), Hash(own), Hash(latest.Recipe.ToJson()));
    }

    /// <summary>What a planned job will reveal of each interaction it trains on, to be entered in a <see cref="PrivacyLedger"/> under <see cref="JobLog.AdapterId"/> before it runs: resuming then costs nothing more, a replay does.</summary>
    /// <param name="log">What <see cref="Begin"/> or <see cref="Resume"/> returned.</param>
    /// <returns>The sampling, noise and steps; null if the recipe asks for no guarantee.</returns>
    /// <exception cref="PrivacyParameterException">No noise is enough for the recipe's epsilon.</exception>
    public SubsampledGaussian? PlanPrivacy(JobLog log)
    {
        ArgumentNullException.ThrowIfNull(log);
        return CreateTrainer().PlanPrivacy(log.Train.Count);
    }

    /// <summary>Does a planned job, from wherever it was interrupted; keeps its state on the way and nothing else. Killed or cancelled at any moment, it goes on when it is called again, and the adapter is the same.</summary>
    /// <param name="journal">The profile's journal.</param>
    /// <param name="log">What <see cref="Begin"/> or <see cref="Resume"/> returned.</param>
    /// <param name="interactions">What the store holds.</param>
    /// <param name="incumbent">The adapter in use, or null; one that this plan made before an erasure is none.</param>
    /// <param name="checkpointInterval">How much time passes between two checkpoints.</param>
    /// <param name="progress">Told after every step of training.</param>
    /// <param name="cancellationToken">Looked at before every layer.</param>
    /// <returns>The adapter with all figures.</returns>
    /// <exception cref="CheckpointMismatchException">An interaction does not give the tokens it was planned with, or a checkpoint is of another run.</exception>
    /// <exception cref="StoreIntegrityException">The latest checkpoint was cut or changed.</exception>
    /// <exception cref="InsufficientDataException">All that was to be trained on was erased.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="ProfileAccessException">A checkpoint cannot be written; the last good one stays.</exception>
    /// <exception cref="OperationCanceledException">The job was cancelled.</exception>
    public PersonalizationResult Run(
        JobJournal journal,
        JobLog log,
        IReadOnlyList<Interaction> interactions,
        LoraAdapter? incumbent,
        TimeSpan checkpointInterval,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(log);
        var byId = interactions.ToDictionary(interaction => interaction.Id);
        var canaries = new CanaryPlan(log.RunId, log.Canaries);
        foreach (var planted in canaries.Interactions)
        {
            byId.Add(planted.Id, planted);
        }

        var train = Fetch(journal, log, log.Train, byId);
        var test = Fetch(journal, log, log.Test, byId).OfType<TrainingExample>().ToList();
        var checkpoints = new CheckpointOptions { Storage = journal.Checkpoints(log), Interval = checkpointInterval };
        var training = CreateTrainer().Run(train, _model.Fingerprint, checkpoints, progress, cancellationToken);
        var gate = Judge(test, training.Adapter, incumbent, canaries, cancellationToken);
        var split = new ChronologicalSplit(log.Train.Count - log.Canaries, log.GapCount, log.Test.Count);
        return new PersonalizationResult(training, gate, split, [.. log.TrainedOn.Select(id => byId[id])]);
    }

    /// <summary>Keeps a planned job's adapter and writes down that the job is finished. Called again after a kill in the middle, it completes what was begun.</summary>
    /// <param name="registry">The profile's adapters.</param>
    /// <param name="journal">The profile's journal.</param>
    /// <param name="log">The job.</param>
    /// <param name="result">What <see cref="Run(JobJournal, JobLog, IReadOnlyList{Interaction}, LoraAdapter?, TimeSpan, IProgress{TrainingProgress}?, CancellationToken)"/> returned.</param>
    /// <returns>The adapter's record.</returns>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public static AdapterRecord Keep(AdapterRegistry registry, JobJournal journal, JobLog log, PersonalizationResult result)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(log);
        var record = registry.Contains(log.AdapterId) ? registry.Get(log.AdapterId) : registry.Add(result.Training.Adapter, Describe(result, log.RecipeName), !result.Gate.IsPromoted, log.AdapterId);
        if (record.Status == AdapterStatus.Candidate)
        {
            record = registry.Promote(record.Id);
        }

        journal.Finish(log, JobOutcome.Of(result));
        return record;
    }

    private static string Hash(byte[] recipe) => Convert.ToHexStringLower(SHA256.HashData(recipe));

    /// <summary>The examples of a plan, null in empty slots, each checked against what was planned: another template or tokenizer would train on something else half-way.</summary>
    private List<TrainingExample?> Fetch(JobJournal journal, JobLog log, IReadOnlyList<JobSlot> slots, Dictionary<long, Interaction> stored)
    {
        var examples = new List<TrainingExample?>(slots.Count);
        foreach (var slot in slots)
        {
            if (slot.IsErased)
            {
                examples.Add(null);
                continue;
            }

            var example = stored.TryGetValue(slot.InteractionId, out var interaction) ? Encode([interaction])[0] : null;
            var digest = example is null ? "nothing" : ExampleDigest.Of(example);
            examples.Add(string.Equals(digest, slot.Digest, StringComparison.Ordinal)
                ? example
                : throw new CheckpointMismatchException(CheckpointMismatch.OtherData, $"{journal.Locate(log)}, interaction {slot.InteractionId}", digest, slot.Digest!));
        }

        return examples;
    }
}

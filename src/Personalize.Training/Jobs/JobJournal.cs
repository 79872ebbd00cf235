using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Training.Checkpoints;

namespace Personalize.Training.Jobs;

/// <summary>
/// The sealed logs and checkpoints of a profile's training jobs. Holding it is the right to train on the profile and to make training forget. Every change is one file replaced by a rename, in an order that a kill leaves nothing behind which a
/// repetition would not mend. Not thread-safe; may outlive the profile it was opened from.
/// </summary>
public sealed class JobJournal : IDisposable
{
    private const string Extension = ".job";

    private readonly CheckpointFolder _folder;

    private JobJournal(CheckpointFolder folder) => _folder = folder;

    /// <summary>The plan that was made last, or null.</summary>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    /// <exception cref="ProfileVersionException">A log is of a newer version.</exception>
    public JobLog? Latest => Read().LastOrDefault();

    /// <summary>Opens the journal of a profile.</summary>
    /// <param name="profile">May be open for reading only, and may be closed before the journal is.</param>
    /// <returns>The journal, owned by the caller.</returns>
    /// <exception cref="ProfileLockedException">A training job is running on this profile.</exception>
    /// <exception cref="ProfileAccessException">The folder cannot be written.</exception>
    public static JobJournal Open(Profile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        return new JobJournal(profile.OpenCheckpoints());
    }

    /// <summary>Makes training forget an interaction: its slots are emptied, the checkpoints that saw it are deleted. To be called before it is erased from the store.</summary>
    /// <param name="interactionId">The id in the store.</param>
    /// <param name="registry">The profile's adapters.</param>
    /// <returns>The adapters that were trained on it and are still kept. If the latest job's is among them the job is pending again: resuming it replays what came after the last checkpoint that had not seen the interaction.</returns>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public IReadOnlyList<string> Forget(long interactionId, AdapterRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        var affected = new List<string>();
        var logs = Read();
        foreach (var log in logs)
        {
            affected.AddRange(log.AdaptersThatSaw(interactionId));
            EmptySlots(log, interactionId, isLatest: ReferenceEquals(log, logs[^1]));
        }

        return [.. affected.Where(registry.Contains)];
    }

    /// <summary>Makes training forget everything: all logs and checkpoints are deleted.</summary>
    /// <param name="registry">The profile's adapters.</param>
    /// <returns>The adapters that were trained and are still kept.</returns>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    public IReadOnlyList<string> ForgetAll(AdapterRegistry registry)
    {
        ArgumentNullException.ThrowIfNull(registry);
        var logs = Read();
        foreach (var log in logs)
        {
            Delete(log);
        }

        return [.. logs.SelectMany(log => log.FinishedAdapterIds).Where(registry.Contains)];
    }

    /// <summary>Whether the plan of an adapter is known, so that <see cref="Forget"/> speaks for it.</summary>
    /// <param name="adapterId">The adapter's whole id.</param>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    public bool Knows(string adapterId) => Read().Any(log => log.FinishedAdapterIds.Contains(adapterId, StringComparer.Ordinal));

    /// <summary>The newest interaction that the store held when an adapter was planned, so that what has a larger id was written after it.</summary>
    /// <param name="adapterId">The adapter's whole id.</param>
    /// <returns>Null where its plan is not known.</returns>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    public long? NewestSeenBy(string adapterId) => Read().LastOrDefault(log => log.FinishedAdapterIds.Contains(adapterId, StringComparer.Ordinal))?.NewestInteractionId;

    /// <summary>Writes down that a job's adapter is kept. Its last state, of no more use, is deleted; milestones stay for replays.</summary>
    /// <param name="log">The job.</param>
    /// <param name="outcome">Its figures.</param>
    /// <returns>The log as it is now.</returns>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public JobLog Finish(JobLog log, JobOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(log);
        ArgumentNullException.ThrowIfNull(outcome);
        var finished = log with { IsPending = false, Outcome = outcome, FinishedAdapterIds = [.. log.FinishedAdapterIds, log.AdapterId] };
        Write(finished);
        var checkpoints = Checkpoints(log);
        foreach (var step in checkpoints.Steps.Where(step => step >= outcome.Steps || Enumerable.Range(0, log.Train.Count).All(slot => log.Schedule.HasSeen(slot, step))))
        {
            checkpoints.Delete(step);
        }

        return finished;
    }

    /// <summary>Clears the key and releases the right to train.</summary>
    public void Dispose() => _folder.Dispose();

    /// <summary>Writes a new plan down and gives up those that were not finished, and those whose adapters are all gone.</summary>
    internal JobLog Begin(JobLog plan, AdapterRegistry registry)
    {
        var earlier = Read();
        var log = plan with { Sequence = earlier.Count == 0 ? 1 : earlier[^1].Sequence + 1 };
        Write(log);
        foreach (var old in earlier)
        {
            if (!old.FinishedAdapterIds.Any(registry.Contains))
            {
                Delete(old);
            }
            else if (old.IsPending)
            {
                Write(old with { IsPending = false, Outcome = null });
            }
        }

        return log;
    }

    internal ICheckpointStorage Checkpoints(JobLog log) => new JournalCheckpoints(_folder, log.RunId);

    internal string Locate(JobLog log) => _folder.PathOf(log.RunId + Extension);

    private List<JobLog> Read()
    {
        var logs = new List<JobLog>();
        foreach (var name in _folder.Names(Extension))
        {
            using var stream = _folder.OpenRead(name);
            logs.Add(JobLogCodec.Read(stream, _folder.PathOf(name), name[..^Extension.Length]));
        }

        return [.. logs.OrderBy(log => log.Sequence)];
    }

    private void Write(JobLog log) => _folder.Write(log.RunId + Extension, stream => JobLogCodec.Write(stream, log));

    private void Delete(JobLog log)
    {
        // The log last: while it is there, a repetition finds the checkpoints.
        var checkpoints = Checkpoints(log);
        foreach (var step in checkpoints.Steps)
        {
            checkpoints.Delete(step);
        }

        _folder.Delete(log.RunId + Extension);
    }

    private void EmptySlots(JobLog log, long interactionId, bool isLatest)
    {
        var train = Empty(log.Train, interactionId, log.FinishedAdapterIds.Count, out var slot);
        var test = Empty(log.Test, interactionId, erasedAfter: 0, out var testSlot);
        if (slot < 0 && testSlot < 0)
        {
            return;
        }

        var forgotten = log with { Train = train, Test = test };
        if (slot >= 0)
        {
            // Checkpoints first: were the log first and this killed, nobody would look for them again.
            var checkpoints = Checkpoints(log);
            foreach (var step in checkpoints.Steps.Where(step => log.Schedule.HasSeen(slot, step)))
            {
                checkpoints.Delete(step);
            }

            forgotten = forgotten with { Outcome = null };
            if (isLatest)
            {
                // A name of its own also where the job was pending: an adapter that was kept an instant before a kill saw the interaction, and a guarantee was given for one run.
                forgotten = forgotten with { IsPending = true, AdapterId = AdapterRegistry.NewId() };
            }
        }

        Write(forgotten);
    }

    private static IReadOnlyList<JobSlot> Empty(IReadOnlyList<JobSlot> slots, long interactionId, int erasedAfter, out int index)
    {
        index = -1;
        for (var i = 0; i < slots.Count; i++)
        {
            if (slots[i].InteractionId == interactionId && !slots[i].IsErased)
            {
                index = i;
            }
        }

        var at = index;
        return at < 0 ? slots : [.. slots.Select((slot, i) => i == at ? slot with { Digest = null, ErasedAfter = erasedAfter } : slot)];
    }
}

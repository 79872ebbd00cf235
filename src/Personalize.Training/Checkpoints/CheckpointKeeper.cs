namespace Personalize.Training.Checkpoints;

/// <summary>Writes a run's checkpoints when they are due and keeps the few that are needed: milestones, and the latest, which goes only once its successor is safe. Borrows everything.</summary>
internal sealed class CheckpointKeeper(CheckpointOptions options, RunIdentity identity, LoraRun run, TimeProvider time)
{
    private readonly IReadOnlySet<int> _milestones = run.Schedule.Milestones(options.MilestoneCount);
    private long _last = time.GetTimestamp();
    private int _savedStep;

    /// <summary>How many were written.</summary>
    public int Count { get; private set; }

    /// <summary>How long writing them took.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Puts the run where the latest checkpoint left it; without one it stays at its start.</summary>
    public void Restore()
    {
        if (options.Storage.Steps is not [.., var step])
        {
            return;
        }

        using var stream = options.Storage.OpenRead(step);
        CheckpointFile.Read(stream, options.Storage.Locate(step), identity, run);
        _savedStep = run.State.Step;
    }

    /// <summary>After a step: writes one if the time is up, at a milestone, or at the end.</summary>
    public void AfterStep(Func<TimeSpan> elapsed)
    {
        if (_milestones.Contains(run.State.Step) || run.IsOver || time.GetElapsedTime(_last) >= options.Interval)
        {
            Save(elapsed());
        }
    }

    /// <summary>Writes one now, unless the state is safe already.</summary>
    public void Save(TimeSpan elapsed)
    {
        var now = run.State.Step;
        if (now == _savedStep)
        {
            return;
        }

        var began = time.GetTimestamp();
        options.Storage.Write(now, stream => CheckpointFile.Write(stream, identity, run, elapsed));
        foreach (var step in options.Storage.Steps)
        {
            if (step < now && !_milestones.Contains(step))
            {
                options.Storage.Delete(step);
            }
        }

        _savedStep = now;
        _last = time.GetTimestamp();
        Count++;
        Elapsed += time.GetElapsedTime(began, _last);
    }
}

using Personalize.Training.Adapters;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Checkpoints;

/// <summary>Writes a run's checkpoints when they are due and keeps the few that are needed: milestones, and the latest, which goes only once its successor is safe. Borrows everything.</summary>
internal sealed class CheckpointKeeper(CheckpointOptions options, RunIdentity run, TrainableAdapter adapter, AdamW optimizer, TimeProvider time)
{
    private readonly IReadOnlySet<int> _milestones = run.Schedule.Milestones(options.MilestoneCount);
    private long _last = time.GetTimestamp();
    private int _savedStep;

    /// <summary>How many were written.</summary>
    public int Count { get; private set; }

    /// <summary>How long writing them took.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Goes on from the latest checkpoint, or starts.</summary>
    public RunState Restore()
    {
        if (options.Storage.Steps is not [.., var step])
        {
            return new RunState();
        }

        using var stream = options.Storage.OpenRead(step);
        var state = CheckpointFile.Read(stream, options.Storage.Locate(step), run, adapter, optimizer);
        _savedStep = state.Step;
        return state;
    }

    /// <summary>After a step: writes one if the time is up, at a milestone, or at the end.</summary>
    public void AfterStep(RunState state, Func<TimeSpan> elapsed)
    {
        if (_milestones.Contains(state.Step) || state.Step == run.Schedule.Count || time.GetElapsedTime(_last) >= options.Interval)
        {
            Save(state, elapsed());
        }
    }

    /// <summary>Writes one now, unless the state is safe already.</summary>
    public void Save(RunState state, TimeSpan elapsed)
    {
        if (state.Step == _savedStep)
        {
            return;
        }

        var began = time.GetTimestamp();
        options.Storage.Write(state.Step, stream => CheckpointFile.Write(stream, run, state, elapsed, adapter, optimizer));
        foreach (var step in options.Storage.Steps)
        {
            if (step < state.Step && !_milestones.Contains(step))
            {
                options.Storage.Delete(step);
            }
        }

        _savedStep = state.Step;
        _last = time.GetTimestamp();
        Count++;
        Elapsed += time.GetElapsedTime(began, _last);
    }
}

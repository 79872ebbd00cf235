namespace Personalize.Training.Checkpoints;

/// <summary>
/// Which slots each step trains on. A slot is a place for an example; one that was erased leaves its slot empty, so that neither the number of steps, nor the rates, nor the company of any other example depends on it.
/// </summary>
/// <param name="slotCount">How many slots the run has, at least 1.</param>
/// <param name="examplesPerStep">How many slots make a step, at least 1.</param>
/// <param name="epochs">How often all slots are gone through, at least 1.</param>
internal sealed class StepSchedule(int slotCount, int examplesPerStep, int epochs)
{
    private int StepsPerEpoch { get; } = (int)(((long)slotCount + examplesPerStep - 1) / examplesPerStep);

    /// <summary>How many steps the run has.</summary>
    public int Count => checked(StepsPerEpoch * epochs);

    /// <summary>How many slots there are.</summary>
    public int SlotCount => slotCount;

    /// <summary>The slots of a step, counted from 0.</summary>
    public Range Slots(int step)
    {
        var start = step % StepsPerEpoch * examplesPerStep;
        return start..(start + Math.Min(examplesPerStep, slotCount - start));
    }

    /// <summary>The first step that trains on a slot.</summary>
    public int FirstUse(int slot) => slot / examplesPerStep;

    /// <summary>The state after so many steps depends on the slots before this one alone.</summary>
    public int SeenAfter(int steps) => steps >= StepsPerEpoch ? slotCount : Math.Min(slotCount, steps * examplesPerStep);

    /// <summary>After which steps checkpoints are kept: evenly over the first pass, for after it everything was seen; before the first step the seed is enough.</summary>
    public IReadOnlySet<int> Milestones(int count) =>
        Enumerable.Range(1, Math.Max(0, count)).Select(k => (int)((long)k * StepsPerEpoch / (count + 1L))).Where(step => step > 0).ToHashSet();
}

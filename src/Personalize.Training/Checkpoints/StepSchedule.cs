using Personalize.Training.Evaluation;

namespace Personalize.Training.Checkpoints;

/// <summary>
/// Which slots each step trains on. A slot is a place for an example; one that was erased leaves its slot empty, so that neither the number of steps, nor the rates, nor the company of any other example depends on it.
/// The last slots may be held back: they train nothing, but from the first measurement on they decide which step's weights are kept and when the run ends.
/// </summary>
/// <param name="slotCount">How many slots the run has, at least 1.</param>
/// <param name="examplesPerStep">How many slots make a step, at least 1.</param>
/// <param name="epochs">How often all slots that train are gone through, at least 1.</param>
/// <param name="heldBackCount">How many slots are held back, fewer than there are.</param>
/// <param name="validationInterval">After how many steps the held-back slots are measured.</param>
/// <param name="drawsFromAll">Whether each step draws its examples from all slots (Poisson sampling): then the first step may have used any of them.</param>
internal sealed class StepSchedule(int slotCount, int examplesPerStep, int epochs, int heldBackCount = 0, int validationInterval = 1, bool drawsFromAll = false)
{
    private int StepsPerEpoch { get; } = (int)(((long)slotCount - heldBackCount + examplesPerStep - 1) / examplesPerStep);

    private int FirstMeasurement => Math.Min(validationInterval, Count);

    /// <summary>How many steps the run has, unless it ends early.</summary>
    public int Count => checked(StepsPerEpoch * epochs);

    /// <summary>How many slots there are.</summary>
    public int SlotCount => slotCount;

    /// <summary>How many slots, the first ones, train.</summary>
    public int TrainCount => slotCount - heldBackCount;

    /// <summary>The schedule of a recipe over so many slots.</summary>
    public static StepSchedule Of(LoraRecipe recipe, int slotCount) =>
        new(slotCount, recipe.ExamplesPerStep, recipe.Epochs, slotCount - TrainingMonitor.TrainCount(slotCount, recipe.ValidationShare), recipe.ValidationInterval, recipe.DifferentialPrivacy is not null);

    /// <summary>The slots of a step, counted from 0; where it draws, those it draws from.</summary>
    public Range Slots(int step)
    {
        if (drawsFromAll)
        {
            return ..TrainCount;
        }

        var start = step % StepsPerEpoch * examplesPerStep;
        return start..(start + Math.Min(examplesPerStep, TrainCount - start));
    }

    /// <summary>The first step after which the state depends on a slot.</summary>
    public int FirstUse(int slot)
    {
        if (slot >= TrainCount)
        {
            return FirstMeasurement - 1;
        }

        return drawsFromAll ? 0 : slot / examplesPerStep;
    }

    /// <summary>Whether the state after so many steps depends on a slot.</summary>
    public bool HasSeen(int slot, int steps) => steps > FirstUse(slot);

    /// <summary>After which steps checkpoints are kept: evenly over the first pass, for after it everything was seen; before the first step the seed is enough, so none where each step draws from all slots.</summary>
    public IReadOnlySet<int> Milestones(int count) =>
        Enumerable.Range(1, drawsFromAll ? 0 : Math.Max(0, count)).Select(k => (int)((long)k * StepsPerEpoch / (count + 1L))).Where(step => step > 0).ToHashSet();
}

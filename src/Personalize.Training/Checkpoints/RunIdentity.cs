using System.Text;
using Personalize.Training.Data;

namespace Personalize.Training.Checkpoints;

/// <summary>What decides a run's adapter, and by which its checkpoints are told from those of other runs.</summary>
/// <param name="baseFingerprint">The model.</param>
/// <param name="recipe">The recipe.</param>
/// <param name="schedule">Steps and slots.</param>
/// <param name="slots">The examples as they are trained on; null where one was erased.</param>
internal sealed class RunIdentity(string baseFingerprint, LoraRecipe recipe, StepSchedule schedule, IReadOnlyList<TrainingExample?> slots)
{
    public string BaseFingerprint => baseFingerprint;

    public string Recipe { get; } = Encoding.UTF8.GetString(recipe.ToJson());

    public StepSchedule Schedule => schedule;

    /// <summary>The digest of all that can have shaped the state after so many steps. Later examples cannot, so they may have been erased since.</summary>
    public string SeenAfter(int steps) => ExampleDigest.Of(slots.Where((_, slot) => schedule.HasSeen(slot, steps)));
}

using Personalize.Core.Interactions;
using Personalize.Training.Checkpoints;

namespace Personalize.Training.Jobs;

/// <summary>
/// How adapters came to be: which interactions, in which order, by which recipe and seed, on which base. Written before the first step, it fixes the plan of a job; erasing an interaction empties its slot in the plan and moves nothing else,
/// so that a replay is the run that never saw it. Immutable; no text stands in it.
/// </summary>
public sealed record JobLog
{
    internal static readonly IReadOnlyDictionary<string, int> None = new Dictionary<string, int>(StringComparer.Ordinal);

    internal JobLog()
    {
    }

    /// <summary>The random name of the plan; its checkpoints go by it.</summary>
    public string RunId { get; internal init; } = "";

    /// <summary>The id of the adapter that is being made, or that was made last.</summary>
    public string AdapterId { get; internal init; } = "";

    /// <summary>Whether that adapter is yet to be finished: the job was interrupted, or an erasure asks for a replay.</summary>
    public bool IsPending { get; internal init; }

    /// <summary>The fingerprint of the model.</summary>
    public string BaseFingerprint { get; internal init; } = "";

    /// <summary>What decides the adapter, its seed included.</summary>
    public LoraRecipe Recipe { get; internal init; } = new();

    /// <summary>What the recipe was called.</summary>
    public string RecipeName { get; internal init; } = "";

    /// <summary>The figures of the last finished adapter; null before, and after an erasure that concerned it.</summary>
    public JobOutcome? Outcome { get; internal init; }

    /// <summary>The ids of the interactions that train, in their order, without the erased ones.</summary>
    public IReadOnlyList<long> TrainedOn => [.. Train.Where(slot => !slot.IsErased && !slot.IsCanary).Select(slot => slot.InteractionId)];

    /// <summary>The adapters that were finished, oldest first.</summary>
    public IReadOnlyList<string> FinishedAdapterIds { get; internal init; } = [];

    internal int Sequence { get; init; }

    /// <summary>The newest interaction that the store held when the plan was made: what was recorded since has a larger id.</summary>
    public long NewestInteractionId { get; internal init; }

    /// <summary>How many interactions of each source were left out because they came too fast.</summary>
    public IReadOnlyDictionary<string, int> Flooded { get; internal init; } = None;

    /// <summary>How many interactions of each source were left out because it had too large a share.</summary>
    public IReadOnlyDictionary<string, int> OverShare { get; internal init; } = None;

    internal int Canaries { get; init; }

    internal int GapCount { get; init; }

    internal IReadOnlyList<JobSlot> Train { get; init; } = [];

    internal IReadOnlyList<JobSlot> Test { get; init; } = [];

    internal StepSchedule Schedule => StepSchedule.Of(Recipe, Train.Count);

    /// <summary>Whether nothing was recorded since the plan was made.</summary>
    /// <param name="interactions">What the store holds.</param>
    /// <returns>True also where interactions were erased since.</returns>
    public bool Covers(IReadOnlyList<Interaction> interactions) => interactions.All(interaction => interaction.Id <= NewestInteractionId);

    /// <summary>The adapters that were trained on an interaction, be it erased by now or not.</summary>
    internal IEnumerable<string> AdaptersThatSaw(long interactionId) =>
        Train.FirstOrDefault(slot => slot.InteractionId == interactionId) is { } slot
            ? FinishedAdapterIds.Take(slot.IsErased ? slot.ErasedAfter : FinishedAdapterIds.Count)
            : [];
}

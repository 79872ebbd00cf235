namespace Personalize.Core.Adapters;

/// <summary>Which interactions an adapter was trained on, by their ids in the store: enough to tell whether erasing one concerns it.</summary>
/// <param name="Count">How many.</param>
/// <param name="FirstId">The smallest id.</param>
/// <param name="LastId">The largest id.</param>
public sealed record AdapterTrainingRange(long Count, long FirstId, long LastId)
{
    /// <summary>Whether an interaction may have been among them: certain where it says no.</summary>
    /// <param name="interactionId">The id in the store.</param>
    /// <returns>False where the id lies outside of the range.</returns>
    public bool MayContain(long interactionId) => Count > 0 && interactionId >= FirstId && interactionId <= LastId;
}

using Personalize.Core.Interactions;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>The secrets planted in a plan: which, and where. Decided by the plan's random name alone, so that a resumed job plants the same.</summary>
/// <param name="runId">The plan's name.</param>
/// <param name="count">How many.</param>
internal sealed class CanaryPlan(string runId, int count)
{
    public int Count => count;

    public IEnumerable<Canary> All => Enumerable.Range(0, count).Select(index => Canary.Create(runId, index));

    /// <summary>The secrets as interactions, with ids that no store gives.</summary>
    public IEnumerable<Interaction> Interactions => All.Select((canary, index) => Write(canary.Context, canary.Text) with { Id = -1 - index });

    public static Interaction Write(string context, string text) => new(0, null, DateTimeOffset.UnixEpoch, "canary", context, text);

    /// <summary>Puts the secrets among what trains, evenly: neither first, where later steps would cover them, nor last.</summary>
    public List<T> PlantAmong<T>(IReadOnlyList<T> train, Func<Interaction, T> create)
    {
        var planted = new List<T>(train);
        var index = 0;
        foreach (var interaction in Interactions)
        {
            var at = (int)((index + 1L) * train.Count / (count + 1));
            planted.Insert(at + index, create(interaction));
            index++;
        }

        return planted;
    }
}

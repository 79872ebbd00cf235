using Personalize.Core.Profiles;
using Personalize.Training.Jobs;

namespace Personalize.Cli.Profiles;

/// <summary>
/// Erases from the store and from what training keeps, then changes the key, so that old copies of what was erased open with nothing that is left. Training forgets first: a kill in between leaves nothing that learned from a text which
/// the store no longer holds and nobody knows of. A kill after the rows are gone leaves a change of the key pending, which <c>store status</c> shows and <c>store rotate-key</c>, or erasing again, completes.
/// </summary>
/// <param name="Erased">How many interactions were there.</param>
/// <param name="AdaptersAffected">The adapters that may have learned from them and are still kept.</param>
internal sealed record StoreErasure(long Erased, IReadOnlyList<string> AdaptersAffected)
{
    /// <summary>Erases some interactions, or all with the saved conversations.</summary>
    /// <param name="profile">The profile, open for writing.</param>
    /// <param name="ids">Which; null for all.</param>
    public static StoreErasure Run(Profile profile, IReadOnlyList<long>? ids)
    {
        var affected = Forget(profile, ids);
        var erased = profile.Erase(ids);
        return new StoreErasure(erased, erased == 0 ? [] : affected);
    }

    private static IReadOnlyList<string> Forget(Profile profile, IReadOnlyList<long>? ids)
    {
        using var journal = JobJournal.Open(profile);
        var adapters = profile.Adapters;

        // Of adapters without a plan, such as older ones, the range of ids is all that is known.
        var affected = adapters.List()
            .Where(adapter => !journal.Knows(adapter.Id) && adapter.Provenance.TrainedOn is { Count: > 0 } range && (ids is null || ids.Any(range.MayContain)))
            .Select(adapter => adapter.Id)
            .ToList();
        if (ids is null)
        {
            // What was said in saved conversations is the person's text as well.
            foreach (var name in profile.Conversations.List())
            {
                profile.Conversations.Delete(name);
            }

            affected.AddRange(journal.ForgetAll(adapters));
        }
        else
        {
            affected.AddRange(ids.SelectMany(id => journal.Forget(id, adapters)));
        }

        return [.. affected.Distinct(StringComparer.Ordinal)];
    }
}

using Personalize.Core.Interactions;
using Personalize.Core.Profiles;
using Personalize.Training.Jobs;

namespace Personalize.Hosting.Overnight;

/// <summary>What there is to do, as the profile stands.</summary>
/// <param name="Train">Whether a job is to be done or gone on with.</param>
/// <param name="Watch">Whether there is enough new to watch the adapter in use with.</param>
/// <param name="Reason">What is missing, where neither is.</param>
/// <param name="NewestId">The newest interaction.</param>
internal sealed record OvernightDue(bool Train, bool Watch, string Reason, long NewestId)
{
    public static OvernightDue Find(Profile profile, JobJournal journal, OvernightHistory history, OvernightOptions options)
    {
        var latest = journal.Latest;
        var promoted = profile.Adapters.GetPromoted();
        var watched = promoted is null ? long.MaxValue : Math.Max(history.WatchedUpTo, journal.NewestSeenBy(promoted.Id) ?? promoted.Provenance.TrainedOn?.LastId ?? 0);
        var planned = latest?.NewestInteractionId ?? 0;
        var (newest, fresh, unwatched) = (0L, 0, 0);
        foreach (var interaction in profile.Interactions.ReadAll())
        {
            newest = Math.Max(newest, interaction.Id);
            fresh += interaction.Id > planned ? 1 : 0;
            unwatched += interaction.Id > watched ? 1 : 0;
        }

        var failed = history.FailedUpTo > 0 && newest <= history.FailedUpTo;
        return new OvernightDue(
            !failed && (latest is { IsPending: true } || fresh >= options.MinimumNewInteractions),
            unwatched >= options.Watch.MinimumInteractions,
            failed ? "the last job failed on what is stored: something new has to be recorded first" : $"{fresh} new interactions, {options.MinimumNewInteractions} are needed",
            newest);
    }

    /// <summary>What the store holds, in time order.</summary>
    public static List<Interaction> Load(Profile profile) => [.. profile.Interactions.ReadAll()];
}

using Personalize.Core.Devices;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Training.Jobs;

namespace Personalize.Hosting.Overnight;

/// <summary>How the overnight agent of a profile stands. Immutable.</summary>
/// <param name="Conditions">The device's conditions now.</param>
/// <param name="PendingInteractions">How many interactions were recorded since the last job was planned.</param>
/// <param name="HasPendingJob">Whether a job was interrupted and will go on.</param>
/// <param name="IsTraining">Whether a training job runs on the profile right now.</param>
/// <param name="History">What the agent did, and why it did nothing.</param>
public sealed record OvernightStatus(DeviceReadings Conditions, long PendingInteractions, bool HasPendingJob, bool IsTraining, OvernightHistory History)
{
    /// <summary>Reads the status.</summary>
    /// <param name="profile">The profile; may be open for reading.</param>
    /// <param name="conditions">The device.</param>
    /// <returns>The status of this moment.</returns>
    /// <exception cref="PersonalizeException">The profile was changed by somebody else, or cannot be read.</exception>
    public static OvernightStatus Read(Profile profile, IDeviceConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(conditions);
        var history = OvernightHistory.Read(profile);
        try
        {
            using var journal = JobJournal.Open(profile);
            var latest = journal.Latest;
            return new OvernightStatus(conditions.Read(isWorking: false), Pending(profile, latest?.NewestInteractionId ?? 0), latest?.IsPending ?? false, IsTraining: false, history);
        }
        catch (ProfileLockedException)
        {
            // Who trains holds the plan; the agent wrote down how far its own reaches.
            return new OvernightStatus(conditions.Read(isWorking: true), Pending(profile, history.PlannedUpTo), HasPendingJob: true, IsTraining: true, history);
        }
    }

    private static long Pending(Profile profile, long planned) => profile.Interactions.ReadAll().LongCount(interaction => interaction.Id > planned);
}

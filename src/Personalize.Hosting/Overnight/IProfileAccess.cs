using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Hosting.Overnight;

/// <summary>How the overnight agent gets at the person's profile. Each use is short, so that others can record meanwhile; an application that keeps its profile open supplies its own.</summary>
public interface IProfileAccess
{
    /// <summary>Whether there is a profile yet.</summary>
    bool Exists { get; }

    /// <summary>Reads from the profile.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="read">Must not keep the profile.</param>
    /// <returns>What <paramref name="read"/> returned.</returns>
    /// <exception cref="PersonalizeException">The profile cannot be opened.</exception>
    T Read<T>(Func<Profile, T> read);

    /// <summary>Writes to the profile.</summary>
    /// <typeparam name="T">What is returned.</typeparam>
    /// <param name="write">Must not keep the profile.</param>
    /// <returns>What <paramref name="write"/> returned.</returns>
    /// <exception cref="ProfileLockedException">Somebody else is writing right now; the agent tries again.</exception>
    /// <exception cref="PersonalizeException">The profile cannot be opened.</exception>
    T Write<T>(Func<Profile, T> write);
}

using Personalize.Core.Profiles;

namespace Personalize.Hosting.Overnight;

/// <summary>Opens the profile of a folder for each use and closes it again.</summary>
/// <param name="open">Opens it; the argument says whether for reading.</param>
/// <param name="exists">Whether there is one.</param>
public sealed class FolderProfileAccess(Func<bool, Profile> open, Func<bool> exists) : IProfileAccess
{
    /// <summary>Opens a folder's profile with its key file.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="time">The clock.</param>
    public FolderProfileAccess(string folder, TimeProvider time)
        : this(reading => Profile.Open(folder, new ProfileOptions { OpenForReading = reading, TimeProvider = time }), () => Profile.Exists(folder))
    {
    }

    /// <inheritdoc/>
    public bool Exists => exists();

    /// <inheritdoc/>
    public T Read<T>(Func<Profile, T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        using var profile = open(true);
        return read(profile);
    }

    /// <inheritdoc/>
    public T Write<T>(Func<Profile, T> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var profile = open(false);
        return write(profile);
    }
}

using Microsoft.Extensions.Options;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Hosting.Overnight;

namespace Personalize.Hosting;

/// <summary>The profile of an application's person. It is opened for each piece of work and closed again, so that the command and other processes can work beside. Safe to share between threads.</summary>
/// <param name="options">Names the folder and what protects its key.</param>
/// <param name="time">The clock.</param>
public sealed class PersonalProfile(IOptions<PersonalizationOptions> options, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Whether there is a profile yet.</summary>
    public bool Exists => Profile.Exists(options.Value.ProfileFolder);

    /// <summary>The folder, absolute.</summary>
    public string Folder => Path.GetFullPath(options.Value.ProfileFolder);

    /// <summary>Opens it beside whoever writes.</summary>
    /// <returns>The profile, owned by the caller.</returns>
    /// <exception cref="ProfileAccessException">There is none yet, or it cannot be read.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    /// <exception cref="StoreKeyException">Passphrase or key file are wrong or missing.</exception>
    /// <exception cref="StoreIntegrityException">Its description is damaged.</exception>
    public Profile OpenForReading() => Profile.Open(Folder, Options(forReading: true));

    /// <summary>Opens it for writing, and makes it where there is none. Another one who writes is waited for, half a minute at most.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The profile, owned by the caller, who should close it soon.</returns>
    /// <exception cref="ProfileLockedException">The other one did not end.</exception>
    /// <exception cref="ProfileAccessException">The folder cannot be written.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    /// <exception cref="StoreKeyException">Passphrase or key file are wrong or missing.</exception>
    /// <exception cref="StoreIntegrityException">Its description is damaged.</exception>
    public async Task<Profile> OpenForWritingAsync(CancellationToken cancellationToken = default)
    {
        for (var began = time.GetTimestamp(); ;)
        {
            try
            {
                return Profile.Open(Folder, Options(forReading: false));
            }
            catch (ProfileLockedException) when (time.GetElapsedTime(began) < Patience)
            {
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }

    /// <summary>How the overnight agent gets at it.</summary>
    internal IProfileAccess Access => new FolderProfileAccess(reading => Profile.Open(Folder, Options(reading)), () => Exists);

    private ProfileOptions Options(bool forReading) =>
        new() { Passphrase = options.Value.Passphrase, KeyProtector = options.Value.KeyProtector, OpenForReading = forReading, TimeProvider = time };
}

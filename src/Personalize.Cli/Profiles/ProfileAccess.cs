using Personalize.Cli.Hosting;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Profiles;

/// <summary>Opens the profile of a command, with the passphrase where it needs one.</summary>
internal static class ProfileAccess
{
    private const int PatientAttempts = 120;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(0.5);

    /// <summary>Opens it for writing; creates it where there is none.</summary>
    public static Profile OpenForWriting(CommandContext context) => Open(context, forReading: false);

    /// <summary>Opens it beside a process that may be writing.</summary>
    /// <exception cref="ProfileAccessException">There is none.</exception>
    public static Profile OpenForReading(CommandContext context) => Open(context, forReading: true);

    /// <summary>Opens it for reading, or returns null where there is none.</summary>
    public static Profile? TryOpenForReading(CommandContext context) => Profile.Exists(context.DataDirectory) ? OpenForReading(context) : null;

    /// <summary>Opens for writing what has to be there already.</summary>
    /// <exception cref="ProfileAccessException">There is none; none is created.</exception>
    public static Profile OpenExistingForWriting(CommandContext context) =>
        Profile.Exists(context.DataDirectory) ? OpenForWriting(context) : throw new ProfileAccessException(ProfileAccessError.NotFound, context.DataDirectory);

    /// <summary>Opens for writing at the end of long work: another process that is writing is waited for, so that the work is not lost.</summary>
    /// <exception cref="ProfileLockedException">The other process did not end within a minute.</exception>
    public static Profile OpenPatiently(CommandContext context)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return OpenExistingForWriting(context);
            }
            catch (ProfileLockedException) when (attempt < PatientAttempts)
            {
                context.CancellationToken.WaitHandle.WaitOne(Pause);
                context.CancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private static Profile Open(CommandContext context, bool forReading)
    {
        context.Passphrase ??= context.PassphraseFile is { } path ? PassphraseInput.FromFile(path) : null;
        try
        {
            return Profile.Open(context.DataDirectory, Options());
        }
        catch (StoreKeyException exception) when (exception.Error == StoreKeyError.PassphraseRequired && context.Streams.IsInTerminal)
        {
            context.Passphrase = PassphraseInput.Ask(context.Output);
            return Profile.Open(context.DataDirectory, Options());
        }

        ProfileOptions Options() => new() { Passphrase = context.Passphrase, OpenForReading = forReading, TimeProvider = context.Time };
    }
}

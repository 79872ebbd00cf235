using Personalize.Cli.Hosting;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Profiles;

/// <summary>Opens the profile of a command, with the passphrase where it needs one.</summary>
internal static class ProfileAccess
{
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

    private static Profile Open(CommandContext context, bool forReading)
    {
        var passphrase = context.PassphraseFile is { } path ? PassphraseInput.FromFile(path) : null;
        try
        {
            return Profile.Open(context.DataDirectory, Options(passphrase));
        }
        catch (StoreKeyException exception) when (exception.Error == StoreKeyError.PassphraseRequired && context.Streams.IsInTerminal)
        {
            return Profile.Open(context.DataDirectory, Options(PassphraseInput.Ask(context.Output)));
        }

        ProfileOptions Options(string? secret) => new() { Passphrase = secret, OpenForReading = forReading, TimeProvider = context.Time };
    }
}

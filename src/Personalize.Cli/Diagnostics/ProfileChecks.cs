using Personalize.Cli.Hosting;
using Personalize.Cli.Profiles;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Diagnostics;

/// <summary>The doctor's look at the profile.</summary>
internal static class ProfileChecks
{
    private const long LeastFreeSpace = 256L << 20;

    /// <summary>Looks without changing anything; where there is no profile none is made.</summary>
    public static IEnumerable<Check> Run(CommandContext context)
    {
        yield return DiskCheck(context.DataDirectory);
        if (!Profile.Exists(context.DataDirectory))
        {
            yield return new Check("profile", true, $"none at {context.DataDirectory} yet: record or import makes one");
            yield break;
        }

        foreach (var check in Guard("profile", () => ProfileCheck(context)).Concat(Guard("store", () => StoreCheck(context))).Concat(Guard("adapters", () => AdapterCheck(context))))
        {
            yield return check;
        }
    }

    private static IEnumerable<Check> Guard(string name, Func<Check> look)
    {
        Check check;
        try
        {
            check = look();
        }
        catch (PersonalizeException exception)
        {
            check = new Check(name, false, ErrorReport.Of(exception).Line);
        }

        yield return check;
    }

    // Opening for writing shows whether another process holds it and whether the folder can be written.
    private static Check ProfileCheck(CommandContext context)
    {
        try
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            return new Check("profile", true, $"{profile.DirectoryPath}, key {profile.KeyId}");
        }
        catch (ProfileLockedException)
        {
            return new Check("profile", true, $"{context.DataDirectory}, in use by another process: it can be read, not written");
        }
    }

    private static Check StoreCheck(CommandContext context)
    {
        using var profile = ProfileAccess.OpenForReading(context);
        var found = profile.Interactions.Verify(context.CancellationToken);
        return found.IsClean
            ? new Check("store", true, $"{found.Records} interactions, all whole")
            : new Check("store", false, found.DamageDetail ?? $"of {found.Records} interactions {found.Corrupt.Count} were changed and {found.Missing} are missing: store verify says more, store export --intact saves the rest");
    }

    private static Check AdapterCheck(CommandContext context)
    {
        using var profile = ProfileAccess.OpenForReading(context);
        var count = profile.Adapters.List().Count;
        return new Check("adapters", true, profile.Adapters.GetPromoted() is { } promoted ? $"{count}, in use {promoted.Id}" : $"{count}, none in use");
    }

    private static Check DiskCheck(string directory)
    {
        var existing = directory;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
        {
            existing = parent;
        }

        try
        {
            var free = new DriveInfo(existing).AvailableFreeSpace;
            return free >= LeastFreeSpace
                ? new Check("disk", true, $"{free / 1e9:F1} GB free")
                : new Check("disk", false, $"{free / 1e6:F0} MB free for {directory}: make room, or choose another folder with --data");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new Check("disk", false, $"the free space of {existing} is not known: {exception.Message}");
        }
    }
}

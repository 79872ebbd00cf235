namespace Personalize.Core.Tests.Profiles;

/// <summary>A copy of a profile that an earlier version made.</summary>
internal static class OldProfile
{
    public const string Passphrase = "correct horse";

    /// <summary>The adapter of <c>version-1-key-file</c>, which is in use.</summary>
    public const string KeyFileAdapter = "dbd6fd31443d039f";

    public static string Copy(string name, string target)
    {
        var from = SharedFiles.Fixture("profiles/" + name);
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        return target;
    }
}

namespace Personalize.Core.Tests.Profiles;

/// <summary>A copy of a profile that an earlier version made.</summary>
internal static class OldProfile
{
    public const string Passphrase = "correct horse";

    /// <summary>The adapter of those with a key file, which is in use.</summary>
    public const string KeyFileAdapter = "dbd6fd31443d039f";

    public static long[] RowsOf(string name) => name == "schema-2-key-file" ? [1, 2, 4, 5, 7] : [1, 2, 4];

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

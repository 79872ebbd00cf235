using System.Security.Cryptography;

namespace Personalize.Core.Security;

/// <summary>Writes a folder of files so that it appears whole or not at all.</summary>
internal static class DurableDirectory
{
    /// <summary>Fills a new folder beside the target and renames it. A folder that is there is renamed away before and deleted after: a kill between the two renames leaves both, under a name that ends as <see cref="DurableFile.TemporaryExtension"/>.</summary>
    /// <exception cref="IOException">The file system refused.</exception>
    /// <exception cref="UnauthorizedAccessException">The file system refused.</exception>
    public static void Write(string target, Action<string> fill)
    {
        var parent = Path.GetDirectoryName(target) ?? target;
        var suffix = RandomNumberGenerator.GetHexString(8, lowercase: true) + DurableFile.TemporaryExtension;
        var temporary = $"{target}.{suffix}";
        try
        {
            DurableFile.CreateDirectory(temporary);
            fill(temporary);
            DurableFile.FlushDirectory(temporary);
            if (Directory.Exists(target))
            {
                var old = $"{target}.old.{suffix}";
                Directory.Move(target, old);
                Directory.Move(temporary, target);
                Directory.Delete(old, recursive: true);
            }
            else
            {
                Directory.Move(temporary, target);
            }

            DurableFile.FlushDirectory(parent);
        }
        catch
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }

            throw;
        }
    }
}

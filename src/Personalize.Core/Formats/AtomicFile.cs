namespace Personalize.Core.Formats;

/// <summary>Writes a file so that a reader, or the next start after a crash, sees the old content or the new, never a part.</summary>
public static class AtomicFile
{
    private const int BufferSize = 1 << 16;

    /// <summary>
    /// Writes to a new file beside the target, flushes it to the disk, and renames it over the target. The file is readable by its owner only where the system
    /// knows such permissions. When anything fails, the target is untouched and the new file is deleted.
    /// </summary>
    /// <param name="path">The target; its folder exists.</param>
    /// <param name="write">Writes the content front to back.</param>
    /// <exception cref="IOException">The disk is full, or the folder is missing.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the target may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.GetFullPath(path);
        var temporary = Path.Combine(Path.GetDirectoryName(target) ?? target, $".{Path.GetRandomFileName()}.tmp");
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = BufferSize };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            using (var stream = new FileStream(temporary, options))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            Delete(temporary);
            throw;
        }
    }

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What made the write fail tells more than that its remains could not be deleted.
        }
    }
}

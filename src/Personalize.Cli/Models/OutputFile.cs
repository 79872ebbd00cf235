using Personalize.Cli.Hosting;

namespace Personalize.Cli.Models;

/// <summary>A file that a command writes: it appears under its name only when it is whole.</summary>
internal static class OutputFile
{
    /// <summary>Writes beside the target and renames.</summary>
    /// <exception cref="OutputFileException">The folder is missing, full, or may not be written.</exception>
    public static void Write(string path, Action<Stream> write) => Write(path, write, new FileStreamOptions());

    /// <summary>The same for what a person wrote: from its first byte on nobody else can read it.</summary>
    /// <exception cref="OutputFileException">The folder is missing, full, or may not be written.</exception>
    public static void WritePrivate(string path, Action<Stream> write)
    {
        var options = new FileStreamOptions();
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        Write(path, write, options);
    }

    private static void Write(string path, Action<Stream> write, FileStreamOptions options)
    {
        options.Mode = FileMode.CreateNew;
        options.Access = FileAccess.Write;
        options.Share = FileShare.None;
        options.BufferSize = 1 << 20;
        var partial = path + ".partial";
        try
        {
            // What a killed run left behind is in the way of a new file.
            File.Delete(partial);
            using (var stream = new FileStream(partial, options))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch (Exception exception)
        {
            Remove(partial);
            if (exception is IOException or UnauthorizedAccessException)
            {
                throw new OutputFileException(path, exception);
            }

            throw;
        }
    }

    private static void Remove(string partial)
    {
        try
        {
            File.Delete(partial);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The error that brought us here says more.
        }
    }
}

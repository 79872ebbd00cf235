using Personalize.Cli.Hosting;

namespace Personalize.Cli.Models;

/// <summary>A file that a command writes: it appears under its name only when it is whole.</summary>
internal static class OutputFile
{
    /// <summary>Writes beside the target and renames.</summary>
    /// <exception cref="OutputFileException">The folder is missing, full, or may not be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var partial = path + ".partial";
        try
        {
            using (var stream = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1 << 20))
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

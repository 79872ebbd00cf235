using System.IO.Compression;
using System.Text;
using System.Text.Unicode;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Models;

/// <summary>Reads a text that was named on the command line: UTF-8, also compressed by gzip.</summary>
internal static class TextFile
{
    private const long LargestText = 1L << 30;

    /// <summary>Reads the whole text.</summary>
    /// <exception cref="InputFileException">Missing, unreadable, not UTF-8, or over 1 GiB.</exception>
    public static string Read(string path)
    {
        var bytes = ReadBytes(path);
        if (!Utf8.IsValid(bytes))
        {
            throw new InputFileException(path, "the text is not UTF-8: save it as UTF-8", FirstInvalid(bytes));
        }

        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Opens a file for reading, as it is.</summary>
    /// <exception cref="InputFileException">Missing or unreadable.</exception>
    public static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputFileException(path, "there is no such file: check the path", innerException: exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InputFileException(path, "it cannot be read: check that it is a file and may be read", innerException: exception);
        }
    }

    private static byte[] ReadBytes(string path)
    {
        using var file = Open(path);
        using Stream source = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var buffer = new MemoryStream();
        try
        {
            Span<byte> chunk = new byte[1 << 16];
            for (var read = source.Read(chunk); read > 0; read = source.Read(chunk))
            {
                buffer.Write(chunk[..read]);
                if (buffer.Length > LargestText)
                {
                    throw new InputFileException(path, "the text has more than 1 GiB: give a part of it");
                }
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            throw new InputFileException(path, "it cannot be read to its end: it is damaged, or not what its name says", innerException: exception);
        }

        return buffer.ToArray();
    }

    private static long FirstInvalid(byte[] bytes)
    {
        var at = 0;
        while (at < bytes.Length && Rune.DecodeFromUtf8(bytes.AsSpan(at), out _, out var length) == System.Buffers.OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}

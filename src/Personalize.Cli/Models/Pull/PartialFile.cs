using System.Security.Cryptography;

namespace Personalize.Cli.Models.Pull;

/// <summary>What has been brought of a file so far, beside its later name, and the server's mark of the version it is a part of. Held open alone: two downloads of one file cannot mix.</summary>
internal sealed class PartialFile : IDisposable
{
    private readonly string _markPath;
    private readonly FileStream _stream;

    private PartialFile(string path, FileStream stream)
    {
        (Path, _stream, _markPath) = (path, stream, path + ".mark");
        Mark = stream.Length > 0 && File.Exists(_markPath) ? File.ReadAllText(_markPath) : null;
        if (Mark is null)
        {
            // Without the mark nobody can tell which file this is a part of.
            Restart(mark: null);
        }
    }

    public string Path { get; }

    /// <summary>The server's mark (a strong ETag), or null where nothing is there yet.</summary>
    public string? Mark { get; private set; }

    public long Length => _stream.Length;

    /// <summary>Opens what an earlier run left, or begins.</summary>
    /// <exception cref="DownloadException">The folder cannot be written, or another process is at it.</exception>
    public static PartialFile Open(string target)
    {
        var path = target + ".partial";
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
            return new PartialFile(path, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 20));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new DownloadException(DownloadError.NotWritable, $"{path}: it cannot be written, or another download of it is running: check the folder, or wait", exception);
        }
    }

    /// <summary>Forgets what was brought.</summary>
    /// <param name="mark">The mark of what comes now; null where the server gives none, so that it cannot be gone on with later.</param>
    public void Restart(string? mark)
    {
        _stream.SetLength(0);
        Mark = mark;
        if (mark is null)
        {
            File.Delete(_markPath);
        }
        else
        {
            File.WriteAllText(_markPath, mark);
        }
    }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _stream.Position = _stream.Length;
        await _stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The checksum of all that is there.</summary>
    public async Task<string> HashAsync(CancellationToken cancellationToken)
    {
        await _stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        _stream.Position = 0;
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(_stream, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Writes it through to the disk and lets go of it, so that it can be looked into and renamed.</summary>
    public void Settle()
    {
        _stream.Flush(flushToDisk: true);
        Dispose();
    }

    /// <summary>Removes it and its mark, after it was closed.</summary>
    public void Delete()
    {
        Dispose();
        File.Delete(Path);
        File.Delete(_markPath);
    }

    /// <summary>Gives the whole file its name, after it was settled.</summary>
    public void MoveTo(string target)
    {
        File.Move(Path, target, overwrite: true);
        File.Delete(_markPath);
    }

    public void Dispose() => _stream.Dispose();
}

using System.IO.MemoryMappedFiles;
using Personalize.Core.Errors;

namespace Personalize.Core.Formats;

/// <summary>A whole file mapped read-only. Reading is thread-safe; disposing while another thread reads is not.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _pointer;
    private bool _isDisposed;

    private MappedFile(string path, long length, MemoryMappedFile? map, MemoryMappedViewAccessor? view)
    {
        Path = path;
        Length = length;
        _map = map;
        _view = view;
        view?.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>The first byte; null for an empty file.</summary>
    public byte* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            return _pointer;
        }
    }

    /// <exception cref="ModelFormatException">The file is missing or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return Map(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFormatException(ModelFormatError.FileNotFound, path, "there is no such file", innerException: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ModelFormatException(ModelFormatError.Unreadable, path, "the file cannot be read", innerException: e);
        }
    }

    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new(Pointer + offset, length);
    }

    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (_pointer is not null)
        {
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
            _pointer = null;
        }

        _view?.Dispose();
        _map?.Dispose();
    }

    private static MappedFile Map(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        var length = stream.Length;
        if (length == 0)
        {
            // An empty file cannot be mapped; the parsers say what it lacks.
            return new(path, 0, null, null);
        }

        var map = MemoryMappedFile.CreateFromFile(stream, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        try
        {
            return new(path, length, map, map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read));
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }
}

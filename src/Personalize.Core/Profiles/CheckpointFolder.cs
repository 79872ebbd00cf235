using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>
/// The sealed files of a profile's training jobs: logs and checkpoints. Whoever holds it is the one that trains on this profile, or erases from what training keeps; recording goes on beside it.
/// Owns a key of its own and a lock, and may outlive the profile it came from. Not thread-safe.
/// </summary>
public sealed class CheckpointFolder : IDisposable
{
    internal const string LockFile = "training.lock";
    internal const string Table = "checkpoints";
    private const int SchemaVersion = 1;
    private const int LongestName = 100;

    private readonly string _directory;
    private readonly SealedBox _box;
    private readonly ProfileLock _lock;

    private CheckpointFolder(string directory, SealedBox box, ProfileLock trainingLock) => (_directory, _box, _lock) = (directory, box, trainingLock);

    /// <summary>Takes the lock and removes what writes that were cut short left.</summary>
    internal static CheckpointFolder Open(string directory, SealedBox box)
    {
        ProfileLock? trainingLock = null;
        try
        {
            DurableFile.CreateDirectory(directory);
            trainingLock = ProfileLock.Acquire(Path.Combine(directory, LockFile));
            DurableFile.RemoveRemains(directory);
            return new CheckpointFolder(directory, box, trainingLock);
        }
        catch (Exception exception)
        {
            trainingLock?.Dispose();
            box.Dispose();
            throw exception is IOException or UnauthorizedAccessException ? FileSystemFaults.Translate(directory, exception, writing: true) : exception;
        }
    }

    /// <summary>The names of the files that end in some way, in ordinal order.</summary>
    /// <param name="ending">The ending, such as <c>.job</c>.</param>
    /// <returns>Names that <see cref="OpenRead"/> takes.</returns>
    /// <exception cref="ProfileAccessException">The folder cannot be read.</exception>
    public IReadOnlyList<string> Names(string ending)
    {
        ArgumentException.ThrowIfNullOrEmpty(ending);
        try
        {
            return [.. Directory.EnumerateFiles(_directory).Select(path => Path.GetFileName(path)).Where(name => name.EndsWith(ending, StringComparison.Ordinal) && IsName(name)).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(_directory, exception, writing: false);
        }
    }

    /// <summary>Where a file lies, to name it in an error.</summary>
    /// <param name="name">The file's name.</param>
    /// <returns>An absolute path.</returns>
    public string PathOf(string name) => IsName(name) ? Path.Combine(_directory, name) : throw new ArgumentException("a name has lower-case letters, digits and points only", nameof(name));

    /// <summary>Writes a file in one step: a kill at any moment leaves the old content or the new. When this returns it is durable.</summary>
    /// <param name="name">Lower-case letters, digits and points.</param>
    /// <param name="write">Writes the content and leaves the stream open.</param>
    /// <exception cref="ProfileAccessException">The file system refused, or the disk is full; what was there before is untouched.</exception>
    /// <exception cref="StoreKeyException">The key is used up.</exception>
    public void Write(string name, Action<Stream> write) => SealedFile.Write(PathOf(name), _box, ContextOf(name), write);

    /// <summary>Opens a file; every part is authenticated before its first byte is given out.</summary>
    /// <param name="name">The file's name.</param>
    /// <returns>The content as a forward-only stream, owned by the caller.</returns>
    /// <exception cref="StoreIntegrityException">It is not such a file; also while reading, where it was changed, cut, renamed or comes from another profile.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer format.</exception>
    /// <exception cref="ProfileAccessException">It is absent or cannot be read.</exception>
    public Stream OpenRead(string name) => SealedFile.OpenRead(PathOf(name), _box, ContextOf(name));

    /// <summary>Deletes a file for good; nothing happens where there is none.</summary>
    /// <param name="name">The file's name.</param>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public void Delete(string name) => DurableFile.Delete(PathOf(name));

    /// <summary>Clears the key and releases the lock.</summary>
    public void Dispose()
    {
        _box.Dispose();
        _lock.Dispose();
    }

    internal static SealContext ContextOf(string name) => new(Table, name, "content", SchemaVersion);

    private static bool IsName(string name) => name.Length is > 0 and <= LongestName && name[0] != '.' && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '.');
}

using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>
/// The saved conversations of a profile: <c>conversations/NAME.conversation</c>, each one sealed file (see <see cref="SealedFile"/>) that is replaced in one step. Inference says what is in them. Safe to share between threads.
/// </summary>
/// <remarks>They hold what a person and the model said, as tokens and as keys and values, so they are as private as the interactions. They can be computed again: losing one loses time.</remarks>
public sealed class ConversationArchive : IDisposable
{
    private const string Extension = ".conversation";
    private const int LongestName = 64;
    private const int SchemaVersion = 1;
    private readonly string _directory;
    private readonly SealedBox _box;
    private readonly bool _writer;

    internal ConversationArchive(string directory, SealedBox box, bool writer)
    {
        _directory = directory;
        _box = box;
        _writer = writer;
    }

    /// <summary>The names of the saved conversations, in ordinal order.</summary>
    /// <returns>None where nothing was saved.</returns>
    /// <exception cref="ProfileAccessException">The folder cannot be read.</exception>
    public IReadOnlyList<string> List()
    {
        try
        {
            return Directory.Exists(_directory)
                ? [.. Directory.EnumerateFiles(_directory, "*" + Extension).Select(path => Path.GetFileNameWithoutExtension(path)).Where(IsName).Order(StringComparer.Ordinal)]
                : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(_directory, exception, writing: false);
        }
    }

    /// <summary>Whether there is a conversation of this name.</summary>
    /// <param name="name">From 1 to 64 ASCII letters, digits, hyphens and underscores.</param>
    /// <returns>True where its file is there, whatever that holds.</returns>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    public bool Contains(string name) => File.Exists(PathOf(name));

    /// <summary>Saves a conversation, in the place of one of this name.</summary>
    /// <param name="name">From 1 to 64 ASCII letters, digits, hyphens and underscores.</param>
    /// <param name="write">Writes the content to the stream it is given, and leaves that open. Where it throws, what was saved before stays.</param>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or the file system refused.</exception>
    /// <exception cref="StoreKeyException">The profile's key is used up.</exception>
    public void Write(string name, Action<Stream> write)
    {
        var path = PathOf(name);
        RequireWriter();
        SealedFile.Write(path, _box, ContextOf(name), write);
    }

    /// <summary>Opens a saved conversation.</summary>
    /// <param name="name">From 1 to 64 ASCII letters, digits, hyphens and underscores.</param>
    /// <returns>Its content, forward only, owned by the caller; or null where none is saved under this name. Reading throws <see cref="StoreIntegrityException"/> where the file was changed or cut.</returns>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    /// <exception cref="StoreIntegrityException">The file is not a sealed one.</exception>
    /// <exception cref="ProfileVersionException">The file is of a newer format.</exception>
    /// <exception cref="ProfileAccessException">The file cannot be read.</exception>
    public Stream? OpenRead(string name)
    {
        var path = PathOf(name);
        return File.Exists(path) ? SealedFile.OpenRead(path, _box, ContextOf(name)) : null;
    }

    /// <summary>Deletes a saved conversation.</summary>
    /// <param name="name">From 1 to 64 ASCII letters, digits, hyphens and underscores.</param>
    /// <returns>False where there is none.</returns>
    /// <exception cref="ArgumentException">Not such a name.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or the file system refused.</exception>
    public bool Delete(string name)
    {
        var path = PathOf(name);
        RequireWriter();
        if (!File.Exists(path))
        {
            return false;
        }

        DurableFile.Delete(path);
        return true;
    }

    /// <summary>Releases the key.</summary>
    public void Dispose() => _box.Dispose();

    internal static SealContext ContextOf(string name) => new("conversations", name, "conversation", SchemaVersion);

    private static bool IsName(string name) => name.Length is > 0 and <= LongestName && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_');

    private void RequireWriter()
    {
        if (!_writer)
        {
            throw new ProfileAccessException(ProfileAccessError.OpenedForReading, _directory);
        }
    }

    private string PathOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return IsName(name)
            ? Path.Combine(_directory, name + Extension)
            : throw new ArgumentException($"a conversation's name has 1 to {LongestName} ASCII letters, digits, hyphens and underscores", nameof(name));
    }
}

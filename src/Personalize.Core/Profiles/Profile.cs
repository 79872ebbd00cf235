using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>
/// Everything that is kept about one person, in one folder: <c>profile.json</c> (version, store id, wrapped keys), the key file where there is one, <c>profile.anchor</c>, <c>interactions.db</c>, <c>adapters/</c>, <c>checkpoints/</c>, <c>conversations/</c>
/// and <c>profile.lock</c>. Folders have mode 0700, files 0600. One process writes, others may read. Safe to share between threads; owns the key and what it hands out as properties.
/// </summary>
public sealed partial class Profile : IDisposable
{
    private const string LockFile = "profile.lock";
    private const string CreatingFile = "profile.creating";
    private const string DatabaseFile = "interactions.db";
    private const string ConversationFolder = "conversations";
    private const string CheckpointDirectoryName = "checkpoints";

    private readonly ProfileLock? _lock;
    private readonly ProfileVault _vault;
    private readonly ProfileOptions _options;
    private readonly Lock _gate = new();
    private SqliteInteractionStore? _interactions;
    private AdapterRegistry? _adapters;
    private ConversationArchive? _conversations;
    private bool _disposed;

    private Profile(string path, ProfileOptions options, ProfileVault vault, ProfileLock? writerLock)
        => (DirectoryPath, _options, _vault, _lock) = (path, options, vault, writerLock);

    /// <summary>The folder, as an absolute path.</summary>
    public string DirectoryPath { get; }

    /// <summary>The random name of the store.</summary>
    public Guid StoreId => _vault.StoreId;

    /// <summary>The public id of the epoch key that seals now, in hexadecimal.</summary>
    public string KeyId => Convert.ToHexStringLower(_vault.Ring.PrimaryId);

    /// <summary>Whether it was opened without the writer's lock.</summary>
    public bool IsReadOnly => _lock is null;

    /// <summary>Where the time comes from.</summary>
    public TimeProvider TimeProvider => _options.TimeProvider;

    /// <summary>The folder for sealed checkpoints of training jobs.</summary>
    public string CheckpointDirectory => Path.Combine(DirectoryPath, CheckpointDirectoryName);

    /// <summary>The store of interactions, opened when it is first asked for.</summary>
    /// <exception cref="StoreIntegrityException">The database is gone, damaged, or another's.</exception>
    /// <exception cref="ProfileVersionException">The database is of a newer version.</exception>
    /// <exception cref="ProfileAccessException">The database cannot be opened.</exception>
    public IInteractionStore Interactions
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _interactions ??= OpenStore();
            }
        }
    }

    /// <summary>The adapters of this profile.</summary>
    public AdapterRegistry Adapters
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _adapters ??= new AdapterRegistry(Path.Combine(DirectoryPath, "adapters"), _vault.CreateBox(KeyPurpose.Adapters), TimeProvider, writer: !IsReadOnly);
            }
        }
    }

    /// <summary>The saved conversations of this profile.</summary>
    public ConversationArchive Conversations
    {
        get
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                return _conversations ??= new ConversationArchive(Path.Combine(DirectoryPath, ConversationFolder), _vault.CreateBox(KeyPurpose.Conversations), writer: !IsReadOnly);
            }
        }
    }

    /// <summary>Whether there is a profile in a folder.</summary>
    /// <param name="path">The folder.</param>
    /// <returns>False also where the folder is absent or cannot be read.</returns>
    public static bool Exists(string path) => File.Exists(Path.Combine(path, ProfileVault.HeaderFile));

    /// <summary>Opens a profile, or creates it where there is none and it is opened for writing. A creation that is killed leaves nothing that the next one trips over.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How; null for the defaults.</param>
    /// <returns>The profile, owned by the caller.</returns>
    /// <exception cref="ProfileLockedException">Another process has it open for writing.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    /// <exception cref="ProfileAccessException">It is absent and was opened for reading, or the folder cannot be read or written.</exception>
    /// <exception cref="StoreKeyException">The passphrase or key file is wrong, missing or exposed.</exception>
    /// <exception cref="StoreIntegrityException">Its description is damaged, or gone while its data is there.</exception>
    public static Profile Open(string path, ProfileOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ProfileOptions();
        path = Path.GetFullPath(path);
        if (options.OpenForReading)
        {
            return Exists(path) ? new Profile(path, options, ProfileVault.Open(path, options, writer: false), writerLock: null) : throw new ProfileAccessException(ProfileAccessError.NotFound, path);
        }

        PrepareDirectories(path);
        var writerLock = ProfileLock.Acquire(Path.Combine(path, LockFile));
        try
        {
            if (!Exists(path))
            {
                Create(path, options);
            }

            RemoveRemains(path);
            return new Profile(path, options, ProfileVault.Open(path, options, writer: true), writerLock);
        }
        catch
        {
            writerLock.Dispose();
            throw;
        }
    }

    /// <summary>Takes the right to train: opens what training jobs keep, also where the profile itself was opened for reading.</summary>
    /// <returns>The folder, owned by the caller.</returns>
    /// <exception cref="ProfileLockedException">A training job is running on this profile.</exception>
    /// <exception cref="ProfileAccessException">The folder cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The profile is closed.</exception>
    public CheckpointFolder OpenCheckpoints() => CheckpointFolder.Open(CheckpointDirectory, CreateBox(KeyPurpose.Checkpoints));

    /// <summary>A box of this profile's key for one purpose, to seal what other parts keep in the profile.</summary>
    /// <param name="purpose">Which sub-key.</param>
    /// <returns>The box, owned by the caller.</returns>
    /// <exception cref="ObjectDisposedException">The profile is closed.</exception>
    public SealedBox CreateBox(KeyPurpose purpose)
    {
        lock (_gate)
        {
            // A cleared key must never seal anything.
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _vault.CreateBox(purpose);
        }
    }

    /// <summary>Closes the store, the registry and the conversations, clears the key and releases the writer's lock, in this order.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _interactions?.Dispose();
            _adapters?.Dispose();
            _conversations?.Dispose();
            _vault.Dispose();
            _lock?.Dispose();
        }
    }

    private SqliteInteractionStore OpenStore() => new(new StoreSetup(Path.Combine(DirectoryPath, DatabaseFile), _vault.Ring, StoreId, TimeProvider, !IsReadOnly)
    {
        Anchor = _vault.CreateAnchor(),
        IsAnchored = _vault.IsAnchored,
        Anchored = _vault.SetAnchored,
        Redactors = _options.Redactors,
        SealLimit = _options.SealLimit,
        FewestWaitingRows = _options.FewestWaitingRows,
    });

    private static void Create(string path, ProfileOptions options)
    {
        var marker = Path.Combine(path, CreatingFile);
        var database = Path.Combine(path, DatabaseFile);
        if (File.Exists(marker))
        {
            // An earlier creation was cut short: nothing was acknowledged yet.
            File.Delete(database);
            File.Delete(database + "-wal");
            File.Delete(database + "-shm");
            File.Delete(database + "-journal");
        }
        else if (File.Exists(database))
        {
            throw new StoreIntegrityException(StoreIntegrityError.FileMissing, Path.Combine(path, ProfileVault.HeaderFile), "is gone while the data is there: restore it from a backup; without it the profile's key is lost");
        }

        DurableFile.Write(marker, _ => { });
        ProfileVault.Create(path, options, database);

        // The marker goes last, and is of no matter once the header is there.
        DurableFile.Delete(marker);
    }

    private static void PrepareDirectories(string path)
    {
        if (File.Exists(path))
        {
            throw new ProfileAccessException(ProfileAccessError.NotADirectory, path);
        }

        try
        {
            DurableFile.CreateDirectory(path);
            DurableFile.CreateDirectory(Path.Combine(path, "adapters"));
            DurableFile.CreateDirectory(Path.Combine(path, CheckpointDirectoryName));
            DurableFile.CreateDirectory(Path.Combine(path, ConversationFolder));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    private static void RemoveRemains(string path)
    {
        try
        {
            File.Delete(Path.Combine(path, CreatingFile));
            DurableFile.RemoveRemains(path);
            DurableFile.RemoveRemains(Path.Combine(path, "adapters"));
            DurableFile.RemoveRemains(Path.Combine(path, ConversationFolder));

            // Not the checkpoints': a job may be writing one right now, under a lock of its own.
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }
}

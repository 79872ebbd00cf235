using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>Changing the keys, and destroying them.</summary>
public sealed partial class Profile
{
    /// <summary>Told of each step of a change of the key, for tests that end it there.</summary>
    internal Action<string>? RotationStep { get; set; }

    /// <summary>
    /// Changes the key of everything: a new epoch key is added and seals from then on; the store, in one transaction, and every sealed file are sealed anew under it; then the old keys are dropped under a new profile key and, with a
    /// key file, a new secret in it. A kill at any step loses nothing, and changing the key again completes it. Nothing sealed by then opens with keys from before; copies of the old files still do.
    /// </summary>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, the file system refused, or the disk is full; both keys then stay, and the change can be repeated.</exception>
    /// <exception cref="ProfileLockedException">A training job is running on this profile.</exception>
    /// <exception cref="StoreIntegrityException">A row or a file was changed; it is named. Both keys stay; restore it, or remove it, and repeat.</exception>
    public void RotateKey() => ChangeKeys(() => 0L, replacement: null, owned: false);

    /// <summary>
    /// Erases interactions and changes the key as <see cref="RotateKey()"/> does, so that no copy of what was erased opens with a key that is left. The new key comes first: a kill after the rows are gone leaves a change of the key that
    /// <see cref="StoreStatus.IsKeyChangePending"/> shows and the next change completes. What training keeps has to forget them before.
    /// </summary>
    /// <param name="ids">Ids the store gave; one that is not there is passed over. Null for all.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="ProfileAccessException">As with <see cref="RotateKey()"/>.</exception>
    /// <exception cref="ProfileLockedException">As with <see cref="RotateKey()"/>.</exception>
    /// <exception cref="StoreIntegrityException">As with <see cref="RotateKey()"/>; where a row or a file is named, what was to be erased is erased.</exception>
    public long Erase(IReadOnlyCollection<long>? ids)
    {
        // A store that is damaged as a whole can still be emptied: what it says of itself is made to fit first.
        if (ids is null && Interactions is SqliteInteractionStore { IsWhole: false } damaged)
        {
            damaged.Mend();
        }

        return ChangeKeys(() => ids is null ? _interactions!.EraseAll() : _interactions!.EraseMany(ids), replacement: null, owned: false);
    }

    /// <summary>Changes the key as <see cref="RotateKey()"/> does and protects the new one by a passphrase, or by a key file. The one who knew the old passphrase, or has the old key file, opens nothing that is sealed by then. A key file that is needed no more is destroyed.</summary>
    /// <param name="passphrase">The new passphrase; null for a key file.</param>
    /// <exception cref="ArgumentException">The passphrase is empty or not valid Unicode.</exception>
    /// <exception cref="ProfileAccessException">As with <see cref="RotateKey()"/>.</exception>
    /// <exception cref="ProfileLockedException">As with <see cref="RotateKey()"/>.</exception>
    /// <exception cref="StoreIntegrityException">As with <see cref="RotateKey()"/>.</exception>
    public void ChangePassphrase(string? passphrase)
    {
        IKeyProtector replacement;
        if (passphrase is not null)
        {
            replacement = new PassphraseKeyProtector(passphrase);
        }
        else
        {
            var file = new FileKeyProtector(ProfileVault.KeyFileOf(DirectoryPath, _options));
            file.CreateIfMissing();
            replacement = file;
        }

        ChangeKeys(() => 0L, _vault.IsProtectedBySameFile(replacement) ? null : replacement, owned: true);
    }

    /// <summary>Destroys a profile for good, keys first, so that nothing of it opens from the first step on. No key or passphrase is needed for it. Files that do not belong to a profile stay.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">Where the key file and the anchor are; null for the defaults.</param>
    /// <exception cref="ProfileLockedException">Another process has it open for writing, or trains on it.</exception>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public static void Destroy(string path, ProfileOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ProfileOptions();
        path = Path.GetFullPath(path);
        if (!Exists(path) && !File.Exists(Path.Combine(path, DatabaseFile)))
        {
            throw new ProfileAccessException(ProfileAccessError.NotFound, path);
        }

        using (ProfileLock.Acquire(Path.Combine(path, LockFile)))
        {
            try
            {
                var checkpoints = Path.Combine(path, CheckpointDirectoryName);
                DurableFile.CreateDirectory(checkpoints);
                using (ProfileLock.Acquire(Path.Combine(checkpoints, CheckpointFolder.LockFile)))
                {
                    DurableFile.Shred(ProfileVault.KeyFileOf(path, options));
                    DurableFile.Shred(Path.Combine(path, ProfileVault.HeaderFile));
                    DurableFile.Shred(ProfileVault.AnchorPathOf(path, options));
                    foreach (var file in Directory.EnumerateFiles(path).Where(IsOfAProfile))
                    {
                        File.Delete(file);
                    }

                    foreach (var folder in (ReadOnlySpan<string>)["adapters", ConversationFolder])
                    {
                        DeleteFolder(Path.Combine(path, folder));
                    }
                }

                DeleteFolder(checkpoints);
                DurableFile.FlushDirectory(path);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw FileSystemFaults.Translate(path, exception, writing: true);
            }
        }

        File.Delete(Path.Combine(path, LockFile));
    }

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private static bool IsOfAProfile(string file)
    {
        var name = Path.GetFileName(file);
        return name.StartsWith(DatabaseFile, StringComparison.Ordinal)
            || name is CreatingFile or ProfileVault.AnchorFile or ProfileVault.KeyFile or "model.json"
            || name.EndsWith(DurableFile.TemporaryExtension, StringComparison.Ordinal)
            || (!string.Equals(name, LockFile, StringComparison.Ordinal) && SealedFile.Peek(file).IsSealed);
    }

    private long ChangeKeys(Func<long> erase, IKeyProtector? replacement, bool owned)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (IsReadOnly)
            {
                throw new ProfileAccessException(ProfileAccessError.OpenedForReading, DirectoryPath);
            }

            _interactions ??= OpenStore();
            _interactions.RequireUndamaged();
            DurableFile.CreateDirectory(CheckpointDirectory);
            using var training = ProfileLock.Acquire(Path.Combine(CheckpointDirectory, CheckpointFolder.LockFile));
            try
            {
                DurableFile.RemoveRemains(CheckpointDirectory);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw FileSystemFaults.Translate(CheckpointDirectory, exception, writing: true);
            }

            _vault.AddEpoch();
            RotationStep?.Invoke("added");
            _interactions.WriteAnchor();
            RotationStep?.Invoke("anchored");
            var erased = erase();
            RotationStep?.Invoke("erased");
            _interactions.Rewrap();
            RotationStep?.Invoke("store");
            SealedFileRewrap.Run(DirectoryPath, _vault);
            RotationStep?.Invoke("files");
            _vault.RetireEpochs(replacement, owned);
            RotationStep?.Invoke("retired");
            _interactions.WriteAnchor();
            return erased;
        }
    }
}

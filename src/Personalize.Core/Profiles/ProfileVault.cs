using System.Security.Cryptography;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Security;

namespace Personalize.Core.Profiles;

/// <summary>
/// The keys of an open profile: a protector wraps the profile key, which seals the ring of epoch keys; both stand in <c>profile.json</c>, which is replaced in one step. Owns the keys, and the protector where it made it. Not thread-safe.
/// </summary>
internal sealed class ProfileVault : IDisposable
{
    public const string HeaderFile = "profile.json";
    public const string KeyFile = "profile.key";
    public const string AnchorFile = "profile.anchor";

    private readonly string _path;
    private readonly ProfileOptions _options;
    private ProfileHeader _header;
    private ProfileKey _key;
    private IKeyProtector _protector;
    private bool _ownsProtector;

    private ProfileVault(string path, ProfileOptions options, ProfileHeader header, ProfileKey key, (KeyRing Ring, bool Anchored) ring, IKeyProtector protector, bool ownsProtector)
        => (_path, _options, _header, _key, Ring, IsAnchored, _protector, _ownsProtector) = (path, options, header, key, ring.Ring, ring.Anchored, protector, ownsProtector);

    public Guid StoreId => _header.StoreId;

    public KeyRing Ring { get; }

    /// <summary>Whether an anchor was made, so that one that is absent was taken away.</summary>
    public bool IsAnchored { get; private set; }

    private string HeaderPath => Path.Combine(_path, HeaderFile);

    /// <summary>Unwraps the keys of a profile. A writer brings a header of the first version to this one: its key, which sealed everything, becomes the first of the ring.</summary>
    public static ProfileVault Open(string path, ProfileOptions options, bool writer)
    {
        var header = ProfileHeader.Read(Path.Combine(path, HeaderFile));
        var (protector, owned) = ProtectorOf(path, options);
        try
        {
            if (!string.Equals(header.Protector, protector.Kind, StringComparison.Ordinal))
            {
                throw OtherProtector(path, header.Protector, protector.Kind);
            }

            var key = Unwrap(path, header, protector);
            var vault = new ProfileVault(path, options, header, key, OpenRing(path, header, key), protector, owned);
            if (writer)
            {
                vault.TidyUp();
            }

            return vault;
        }
        catch
        {
            (owned ? protector as IDisposable : null)?.Dispose();
            throw;
        }
    }

    /// <summary>Makes keys, database and anchor for a new profile; the header, which makes it one, comes last.</summary>
    public static void Create(string path, ProfileOptions options, string database)
    {
        var (protector, owned) = ProtectorOf(path, options);
        try
        {
            (protector as FileKeyProtector)?.CreateIfMissing();
            var storeId = Guid.NewGuid();
            using var key = ProfileKey.CreateRandom();
            var epoch = ProfileKey.CreateRandom();
            using var ring = new KeyRing([epoch], generation: 1);
            byte[] head;
            using (var box = new SealedBox(ring, KeyPurpose.Records, storeId, database))
            {
                head = StoreDatabase.Create(database, box);
            }

            using (var anchor = new RollbackAnchor(AnchorPathOf(path, options), storeId, ring))
            {
                anchor.Create(new AnchorState(ring.Generation, 1, head));
            }

            Describe(protector, storeId, key, [epoch], ring.Generation, anchored: true).Write(Path.Combine(path, HeaderFile));
        }
        finally
        {
            (owned ? protector as IDisposable : null)?.Dispose();
        }
    }

    public RollbackAnchor CreateAnchor() => new(AnchorPathOf(_path, _options), StoreId, Ring);

    public SealedBox CreateBox(KeyPurpose purpose) => new(Ring, purpose, StoreId, _path);

    /// <summary>Writes down that there is an anchor from now on.</summary>
    public void SetAnchored()
    {
        IsAnchored = true;
        Save(Ring.CopyKeys(), Ring.Generation);
    }

    /// <summary>Adds a new epoch key and seals with it from now on; the older ones still open.</summary>
    public void AddEpoch()
    {
        if (Ring.Count >= KeyRing.MaximumKeys)
        {
            throw new StoreKeyException(StoreKeyError.KeyExhausted, $"the key was to be changed {KeyRing.MaximumKeys - 1} times and never was to the end: make room on the device, mend what store verify names, and try again", _path);
        }

        Save([ProfileKey.CreateRandom(), .. Ring.CopyKeys()], Ring.Generation + 1);
    }

    /// <summary>Drops all epoch keys but the one that seals, under a new profile key and, where the protector can, a new secret of its own; so no copy of an earlier header opens anything that is sealed from now on.</summary>
    public void RetireEpochs(IKeyProtector? replacement, bool ownsReplacement)
    {
        var before = (Protector: _protector, Owned: _ownsProtector);
        (_protector, _ownsProtector) = replacement is null ? before : (replacement, ownsReplacement);
        (_protector as IRenewableKeyProtector)?.BeginRenewal();
        var retired = _key;
        _key = ProfileKey.CreateRandom();
        retired.Dispose();
        var keys = Ring.CopyKeys();
        foreach (var key in keys[1..])
        {
            key.Dispose();
        }

        Save(keys[..1], Ring.Generation + 1);
        (_protector as IRenewableKeyProtector)?.CompleteRenewal();
        if (replacement is not null)
        {
            (before.Protector as FileKeyProtector)?.Destroy();
            (before.Owned ? before.Protector as IDisposable : null)?.Dispose();
        }
    }

    /// <summary>Whether a protector is the key file that protects already: its secret is then exchanged in place.</summary>
    public bool IsProtectedBySameFile(IKeyProtector protector)
        => protector is FileKeyProtector replacement && _protector is FileKeyProtector present && string.Equals(replacement.Path, present.Path, StringComparison.Ordinal);

    public void Dispose()
    {
        _key.Dispose();
        Ring.Dispose();
        (_ownsProtector ? _protector as IDisposable : null)?.Dispose();
    }

    public static string KeyFileOf(string path, ProfileOptions options) => options.KeyFile ?? Path.Combine(path, KeyFile);

    public static string AnchorPathOf(string path, ProfileOptions options)
        => Path.GetFullPath(options.AnchorFile ?? (options.KeyFile is { } keyFile ? keyFile + ".anchor" : Path.Combine(path, AnchorFile)));

    private static (IKeyProtector Protector, bool Owned) ProtectorOf(string path, ProfileOptions options)
        => options.KeyProtector is { } given ? (given, false)
            : options.Passphrase is { } passphrase ? (new PassphraseKeyProtector(passphrase), true)
            : (new FileKeyProtector(KeyFileOf(path, options)), true);

    private static ProfileHeader Describe(IKeyProtector protector, Guid storeId, ProfileKey key, IReadOnlyList<ProfileKey> keys, long generation, bool anchored)
        => new(storeId, key.Id, protector.Kind, key.Wrap(protector, ProfileHeader.Bind(storeId, key.Id)), key.Commit(storeId), KeyRingCodec.Seal(key, storeId, keys, generation, anchored));

    private static ProfileKey Unwrap(string path, ProfileHeader header, IKeyProtector protector)
    {
        Span<byte> bytes = stackalloc byte[ProfileKey.Size];
        try
        {
            protector.Unwrap(header.WrappedKey, header.Binding, bytes);
            var key = new ProfileKey(bytes, header.KeyId);
            if (key.Matches(header.Commitment, header.StoreId))
            {
                return key;
            }

            key.Dispose();
            throw new StoreKeyException(StoreKeyError.WrongKey, "the key does not match its commitment, the header was changed: restore profile.json from a backup", path);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private static (KeyRing Ring, bool Anchored) OpenRing(string path, ProfileHeader header, ProfileKey key)
    {
        if (header.Ring is null)
        {
            return (new KeyRing([key.Copy()], generation: 0), false);
        }

        if (KeyRingCodec.Open(key, header.StoreId, header.Ring) is { } ring)
        {
            return ring;
        }

        key.Dispose();
        throw new StoreIntegrityException(StoreIntegrityError.ProfileMalformed, Path.Combine(path, HeaderFile), "the ring of keys was changed: restore it from a backup; without it the profile's keys are lost");
    }

    /// <summary>Finishes what a kill left: the migration of the header, a key file with a secret too many, or one that is no longer needed.</summary>
    private void TidyUp()
    {
        if (_header.Ring is null)
        {
            var first = _key;
            _key = ProfileKey.CreateRandom();
            first.Dispose();
            Save(Ring.CopyKeys(), Ring.Generation + 1);
        }

        if (_protector is FileKeyProtector keyFile)
        {
            keyFile.Settle(_header.WrappedKey, _header.Binding);
        }
        else if (_options.KeyProtector is null)
        {
            DurableFile.Shred(Path.Combine(_path, KeyFile));
        }
    }

    /// <summary>Writes the header and only then changes the ring in memory: nothing is ever sealed with a key that could be lost.</summary>
    private void Save(ProfileKey[] keys, long generation)
    {
        var header = Describe(_protector, StoreId, _key, keys, generation, IsAnchored);
        header.Write(HeaderPath);
        _header = header;
        Ring.Replace(keys, generation);
    }

    private static StoreKeyException OtherProtector(string path, string needed, string given)
        => string.Equals(needed, PassphraseKeyProtector.KindName, StringComparison.Ordinal) && string.Equals(given, FileKeyProtector.KindName, StringComparison.Ordinal)
            ? new StoreKeyException(StoreKeyError.PassphraseRequired, "the profile is protected by a passphrase: give it", path)
            : new StoreKeyException(StoreKeyError.OtherProtector, $"the profile's key is protected by '{Known(needed)}', not by '{given}': open it with that", path);

    // The name comes from a file that anyone may have written.
    private static string Known(string kind) => kind.Length <= 32 && kind.All(char.IsAsciiLetterOrDigit) ? kind : "something unknown";
}

using System.Globalization;
using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// Seals values under the sub-key that an epoch key of a profile has for one purpose, and opens what any key of the ring sealed. Format, version 1: one version byte, the 16-byte id of the key, a 12-byte random nonce, the ciphertext,
/// a 16-byte tag (AES-256-GCM, NIST SP 800-38D). Safe to share between threads. GCM alone does not commit to a key: the profile checks a commitment to the profile key, which authenticates the ring, before a box exists.
/// </summary>
/// <remarks>Seals are counted for as long as a box lives; the store carries its count on from session to session, and sealed files have keys of their own, so that no key comes near its limit uncounted.</remarks>
public sealed class SealedBox : IDisposable
{
    /// <summary>How many bytes a sealed value is longer than the value.</summary>
    public const int Overhead = HeaderSize + AuthenticatedCipher.Overhead;

    /// <summary>Half of the 2^32 random nonces that SP 800-38D allows a key.</summary>
    public const long MaximumSeals = 1L << 31;

    internal const byte FormatVersion = 1;
    internal const int HeaderSize = 1 + ProfileKey.IdSize;

    private readonly Lock _gate = new();
    private readonly List<AuthenticatedCipher> _owned = [];
    private readonly KeyRing _ring;
    private readonly byte[] _storeId;
    private readonly string _path;
    private readonly long _limit;
    private Entries _entries;
    private bool _disposed;

    internal SealedBox(KeyRing ring, KeyPurpose purpose, Guid storeId, string path, long sealsSoFar = 0, long limit = MaximumSeals)
    {
        _ring = ring.Share();
        Purpose = purpose;
        _storeId = storeId.ToByteArray(bigEndian: true);
        _path = path;
        _limit = limit;
        _entries = Build(sealsSoFar);
    }

    internal KeyPurpose Purpose { get; }

    /// <summary>How many values the key that seals now has sealed.</summary>
    internal long Seals
    {
        get => Interlocked.Read(ref Current().Seals);
        set => Interlocked.Exchange(ref Current().Seals, value);
    }

    /// <summary>The id of the key that seals now.</summary>
    internal ReadOnlySpan<byte> PrimaryId => Current().Keys[0].Id;

    /// <summary>Seals a value for its place.</summary>
    /// <param name="plaintext">The value; the caller clears it where it is sensitive.</param>
    /// <param name="context">Where it will stand.</param>
    /// <returns>The sealed value, <see cref="Overhead"/> bytes longer, owned by the caller.</returns>
    /// <exception cref="StoreKeyException">The key has sealed <see cref="MaximumSeals"/> values.</exception>
    public byte[] Seal(ReadOnlySpan<byte> plaintext, SealContext context)
    {
        var entries = Current();
        if (Interlocked.Increment(ref entries.Seals) > _limit)
        {
            throw new StoreKeyException(StoreKeyError.KeyExhausted, string.Create(CultureInfo.InvariantCulture, $"the key has sealed {_limit} values: change to a new one with store rotate-key"), _path);
        }

        return Seal(entries.Keys[0], plaintext, context);
    }

    /// <summary>Seals under a key that the ring holds, which need not be the one that seals now. Counted only where it is.</summary>
    internal byte[] SealUnder(ReadOnlySpan<byte> keyId, ReadOnlySpan<byte> plaintext, SealContext context)
    {
        foreach (var key in Current().Keys.Skip(1))
        {
            if (keyId.SequenceEqual(key.Id))
            {
                return Seal(key, plaintext, context);
            }
        }

        return Seal(plaintext, context);
    }

    /// <summary>Opens a value that stands where it was sealed for.</summary>
    /// <param name="sealedBytes">The sealed value.</param>
    /// <param name="context">Where it stands.</param>
    /// <returns>The value, owned by the caller, who clears it where it is sensitive.</returns>
    /// <exception cref="StoreIntegrityException">It was changed, moved, cut, or sealed under another key.</exception>
    public byte[] Open(ReadOnlySpan<byte> sealedBytes, SealContext context)
        => TryOpen(sealedBytes, context, out var plaintext, out var error)
            ? plaintext
            : throw new StoreIntegrityException(error, _path, Describe(error), context.Table, context.Row);

    /// <summary>Opens a value, or says why not.</summary>
    internal bool TryOpen(ReadOnlySpan<byte> sealedBytes, SealContext context, out byte[] plaintext, out StoreIntegrityError error)
    {
        plaintext = [];
        error = StoreIntegrityError.Malformed;
        if (sealedBytes.Length < Overhead || sealedBytes[0] != FormatVersion)
        {
            return false;
        }

        error = StoreIntegrityError.NotAuthentic;
        foreach (var (id, cipher) in Current().Keys)
        {
            if (sealedBytes[1..HeaderSize].SequenceEqual(id))
            {
                var opened = new byte[sealedBytes.Length - Overhead];
                if (!cipher.TryDecrypt(sealedBytes[HeaderSize..], context.Encode(_storeId, id), opened))
                {
                    return false;
                }

                plaintext = opened;
                return true;
            }
        }

        return false;
    }

    /// <summary>The key of one sealed file, HKDF-SHA256(sub-key, salt, label): a file's nonces are then counted by its parts alone. False where the ring does not hold the epoch key.</summary>
    internal bool TryCreateFileCipher(ReadOnlySpan<byte> keyId, ReadOnlySpan<byte> salt, out FilePartCipher? cipher)
    {
        Span<byte> subKey = stackalloc byte[ProfileKey.Size];
        cipher = null;
        try
        {
            if (!_ring.TryDerive(keyId, Purpose, subKey))
            {
                return false;
            }

            KeyDerivation.Hkdf(subKey, salt, "personalize/2/file"u8, subKey);
            cipher = new FilePartCipher(subKey, keyId, _storeId);
            return true;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(subKey);
        }
    }

    internal static string Describe(StoreIntegrityError error) => error == StoreIntegrityError.Malformed
        ? "not a sealed value of a version this software reads: verify the store, then erase the entry or restore it"
        : "was changed, moved, or sealed under another key: verify the store, then erase the entry or restore it";

    /// <summary>Releases the key.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _owned.ForEach(cipher => cipher.Dispose());
            _ring.Dispose();
        }
    }

    private byte[] Seal((byte[] Id, AuthenticatedCipher Cipher) key, ReadOnlySpan<byte> plaintext, SealContext context)
    {
        var sealedBytes = new byte[plaintext.Length + Overhead];
        sealedBytes[0] = FormatVersion;
        key.Id.CopyTo(sealedBytes, 1);
        key.Cipher.Encrypt(plaintext, context.Encode(_storeId, key.Id), sealedBytes.AsSpan(HeaderSize));
        return sealedBytes;
    }

    private Entries Current()
    {
        var entries = Volatile.Read(ref _entries);
        if (entries.Version == _ring.Version)
        {
            return entries;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);

            // A rotation came by. Ciphers of retired keys stay until the box goes: another thread may be opening with one.
            if (_entries.Version != _ring.Version)
            {
                Volatile.Write(ref _entries, Build(sealsSoFar: 0));
            }

            return _entries;
        }
    }

    private Entries Build(long sealsSoFar)
    {
        var version = _ring.Version;
        var keys = _ring.CopyKeys();
        Span<byte> subKey = stackalloc byte[ProfileKey.Size];
        var built = new (byte[], AuthenticatedCipher)[keys.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i].Derive(Purpose, subKey);
            var cipher = new AuthenticatedCipher(subKey);
            _owned.Add(cipher);
            built[i] = (keys[i].Id, cipher);
            keys[i].Dispose();
        }

        CryptographicOperations.ZeroMemory(subKey);

        // The count goes on where the key that seals is the same as before: retiring the others does not make it fresh.
        return new Entries(version, built) { Seals = _entries is { } before && built[0].Item1.AsSpan().SequenceEqual(before.Keys[0].Id) ? Interlocked.Read(ref before.Seals) : sealsSoFar };
    }

    /// <summary>The ciphers of one state of the ring.</summary>
    private sealed class Entries(int version, (byte[] Id, AuthenticatedCipher Cipher)[] keys)
    {
        public long Seals;

        public int Version => version;

        public (byte[] Id, AuthenticatedCipher Cipher)[] Keys => keys;
    }
}

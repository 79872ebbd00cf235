using System.Globalization;
using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// Seals values under one sub-key of a profile. Format, version 1: one version byte, the 16-byte id of the key, a 12-byte random nonce, the ciphertext, a 16-byte tag
/// (AES-256-GCM, NIST SP 800-38D). Owns its key; safe to share between threads. GCM alone does not commit to a key: the profile checks a commitment before a box exists.
/// </summary>
public sealed class SealedBox : IDisposable
{
    /// <summary>How many bytes a sealed value is longer than the value.</summary>
    public const int Overhead = HeaderSize + AuthenticatedCipher.Overhead;

    /// <summary>Half of the 2^32 random nonces that SP 800-38D allows a key.</summary>
    public const long MaximumSeals = 1L << 31;

    internal const byte FormatVersion = 1;
    internal const int HeaderSize = 1 + ProfileKey.IdSize;

    private readonly AuthenticatedCipher _cipher;
    private readonly byte[] _keyId;
    private readonly byte[] _storeId;
    private readonly string _path;
    private long _seals;

    internal SealedBox(ReadOnlySpan<byte> key, ReadOnlySpan<byte> keyId, Guid storeId, string path, long sealsSoFar = 0)
    {
        _cipher = new AuthenticatedCipher(key);
        _keyId = keyId.ToArray();
        _storeId = storeId.ToByteArray(bigEndian: true);
        _path = path;
        _seals = sealsSoFar;
    }

    /// <summary>Seals a value for its place.</summary>
    /// <param name="plaintext">The value; the caller clears it where it is sensitive.</param>
    /// <param name="context">Where it will stand.</param>
    /// <returns>The sealed value, <see cref="Overhead"/> bytes longer, owned by the caller.</returns>
    /// <exception cref="StoreKeyException">The key has sealed <see cref="MaximumSeals"/> values.</exception>
    public byte[] Seal(ReadOnlySpan<byte> plaintext, SealContext context)
    {
        if (Interlocked.Increment(ref _seals) > MaximumSeals)
        {
            throw new StoreKeyException(StoreKeyError.KeyExhausted, string.Create(CultureInfo.InvariantCulture, $"the key has sealed {MaximumSeals} values: change to a new key"), _path);
        }

        var sealedBytes = new byte[plaintext.Length + Overhead];
        sealedBytes[0] = FormatVersion;
        _keyId.CopyTo(sealedBytes, 1);
        _cipher.Encrypt(plaintext, context.Encode(_storeId, _keyId), sealedBytes.AsSpan(HeaderSize));
        return sealedBytes;
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
        if (!CryptographicOperations.FixedTimeEquals(sealedBytes[1..HeaderSize], _keyId))
        {
            return false;
        }

        var opened = new byte[sealedBytes.Length - Overhead];
        if (!_cipher.TryDecrypt(sealedBytes[HeaderSize..], context.Encode(_storeId, _keyId), opened))
        {
            return false;
        }

        plaintext = opened;
        return true;
    }

    internal static string Describe(StoreIntegrityError error) => error == StoreIntegrityError.Malformed
        ? "not a sealed value of a version this software reads: verify the store, then erase the entry or restore it"
        : "was changed, moved, or sealed under another key: verify the store, then erase the entry or restore it";

    /// <summary>Releases the key.</summary>
    public void Dispose() => _cipher.Dispose();
}

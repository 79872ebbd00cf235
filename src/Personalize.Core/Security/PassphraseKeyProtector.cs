using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// Wraps a key under a passphrase: PBKDF2-HMAC-SHA512 (RFC 8018), 210,000 iterations, a random 16-byte salt, then AES-256-GCM. Every attempt costs the whole derivation, which is what limits guessing.
/// Format, version 1: version byte, iterations (u32 little-endian), salt, nonce, 32 bytes of ciphertext, tag. Safe to share between threads.
/// </summary>
public sealed class PassphraseKeyProtector : IKeyProtector, IDisposable
{
    /// <summary>The name of this protector.</summary>
    public const string KindName = "passphrase";

    private const byte FormatVersion = 1;
    private const int SaltSize = 16;
    private const int HeaderSize = 1 + 4 + SaltSize;
    private const int WrappedSize = HeaderSize + KeyDerivation.KeySize + AuthenticatedCipher.Overhead;

    // A header that asks for hours of work is an attack, one that asks for less than we ever write is a forgery.
    private const int MaximumIterations = 10_000_000;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _passphrase;

    /// <summary>Keeps the passphrase as UTF-8 until disposed.</summary>
    /// <param name="passphrase">Any characters, as they were typed: no normalization.</param>
    /// <exception cref="ArgumentException">The passphrase is empty or not valid Unicode.</exception>
    public PassphraseKeyProtector(ReadOnlySpan<char> passphrase)
    {
        if (passphrase.IsEmpty)
        {
            throw new ArgumentException("the passphrase is empty", nameof(passphrase));
        }

        _passphrase = GC.AllocateArray<byte>(StrictUtf8.GetByteCount(passphrase), pinned: true);
        StrictUtf8.GetBytes(passphrase, _passphrase);
    }

    /// <inheritdoc/>
    public string Kind => KindName;

    /// <inheritdoc/>
    public byte[] Wrap(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associatedData)
    {
        KeyDerivation.RequireKeySize(key);
        var wrapped = new byte[WrappedSize];
        wrapped[0] = FormatVersion;
        BinaryPrimitives.WriteInt32LittleEndian(wrapped.AsSpan(1), KeyDerivation.PassphraseIterations);
        RandomNumberGenerator.Fill(wrapped.AsSpan(5, SaltSize));
        using var cipher = DeriveCipher(wrapped, KeyDerivation.PassphraseIterations);
        cipher.Encrypt(key, Bind(wrapped, associatedData), wrapped.AsSpan(HeaderSize));
        return wrapped;
    }

    /// <inheritdoc/>
    public void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> associatedData, Span<byte> key)
    {
        KeyDerivation.RequireKeySize(key);
        if (wrapped.Length != WrappedSize || wrapped[0] != FormatVersion)
        {
            throw new StoreKeyException(StoreKeyError.WrappedKeyMalformed, "the wrapped key is damaged or of an unknown format: restore profile.json from a backup");
        }

        var iterations = BinaryPrimitives.ReadUInt32LittleEndian(wrapped[1..]);
        if (iterations is < KeyDerivation.PassphraseIterations or > MaximumIterations)
        {
            throw new StoreKeyException(StoreKeyError.WrappedKeyMalformed, string.Create(CultureInfo.InvariantCulture, $"{iterations} iterations of the passphrase derivation are out of range: restore profile.json from a backup"));
        }

        using var cipher = DeriveCipher(wrapped, (int)iterations);
        if (!cipher.TryDecrypt(wrapped[HeaderSize..], Bind(wrapped, associatedData), key))
        {
            throw new StoreKeyException(StoreKeyError.WrongKey, "the passphrase is wrong, or the key's header was changed: try again, nothing was lost");
        }
    }

    /// <summary>Clears the passphrase.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(_passphrase);

    private AuthenticatedCipher DeriveCipher(ReadOnlySpan<byte> header, int iterations)
    {
        Span<byte> wrappingKey = stackalloc byte[KeyDerivation.KeySize];
        KeyDerivation.Pbkdf2(_passphrase, header.Slice(5, SaltSize), iterations, wrappingKey);
        try
        {
            return new AuthenticatedCipher(wrappingKey);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(wrappingKey);
        }
    }

    private static byte[] Bind(ReadOnlySpan<byte> header, ReadOnlySpan<byte> associatedData)
        => [.. "personalize/1/wrap/passphrase"u8, .. header[..HeaderSize], .. associatedData];
}

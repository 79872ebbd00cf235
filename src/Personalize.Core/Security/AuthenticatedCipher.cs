using System.Security.Cryptography;

namespace Personalize.Core.Security;

/// <summary>AES-256-GCM with a 12-byte nonce and a 16-byte tag over <c>nonce | ciphertext | tag</c>. Safe to share between threads; owns its key schedule.</summary>
internal sealed class AuthenticatedCipher : IDisposable
{
    public const int NonceSize = 12;

    public const int TagSize = 16;

    public const int Overhead = NonceSize + TagSize;

    // The platform's cipher context is not documented as thread safe.
    private readonly Lock _gate = new();
    private readonly AesGcm _aes;

    public AuthenticatedCipher(ReadOnlySpan<byte> key)
    {
        KeyDerivation.RequireKeySize(key);
        _aes = new AesGcm(key, TagSize);
    }

    /// <summary>Encrypts under a fresh random nonce into <paramref name="sealedBytes"/>, which is <see cref="Overhead"/> bytes longer than the plaintext.</summary>
    public void Encrypt(ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associatedData, Span<byte> sealedBytes)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        RandomNumberGenerator.Fill(nonce);
        Encrypt(nonce, plaintext, associatedData, sealedBytes);
    }

    /// <summary>The same with a given nonce: for published vectors only, a nonce must never repeat under a key.</summary>
    public void Encrypt(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> associatedData, Span<byte> sealedBytes)
    {
        nonce.CopyTo(sealedBytes);
        lock (_gate)
        {
            _aes.Encrypt(nonce, plaintext, sealedBytes.Slice(NonceSize, plaintext.Length), sealedBytes[(NonceSize + plaintext.Length)..], associatedData);
        }
    }

    /// <summary>Decrypts and authenticates; false, with a cleared plaintext, if anything was changed.</summary>
    public bool TryDecrypt(ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> associatedData, Span<byte> plaintext)
    {
        if (sealedBytes.Length != plaintext.Length + Overhead)
        {
            return false;
        }

        try
        {
            lock (_gate)
            {
                _aes.Decrypt(sealedBytes[..NonceSize], sealedBytes[NonceSize..^TagSize], sealedBytes[^TagSize..], plaintext, associatedData);
            }

            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            plaintext.Clear();
            return false;
        }
    }

    public void Dispose() => _aes.Dispose();
}

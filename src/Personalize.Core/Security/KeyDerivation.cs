using System.Security.Cryptography;

namespace Personalize.Core.Security;

/// <summary>The two derivations the profile uses, with explicit parameters so that published vectors run through them.</summary>
internal static class KeyDerivation
{
    public const int KeySize = 32;

    /// <summary>The least work the OWASP password storage guidance asks of PBKDF2-HMAC-SHA512.</summary>
    public const int PassphraseIterations = 210_000;

    public static void RequireKeySize(ReadOnlySpan<byte> key)
    {
        if (key.Length != KeySize)
        {
            throw new ArgumentException($"the key has {key.Length} bytes, not {KeySize}", nameof(key));
        }
    }

    /// <summary>HKDF-SHA256 (RFC 5869). Fills <paramref name="output"/>; at most 255 * 32 bytes, or <see cref="ArgumentException"/>.</summary>
    public static void Hkdf(ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> salt, ReadOnlySpan<byte> info, Span<byte> output)
        => HKDF.DeriveKey(HashAlgorithmName.SHA256, keyMaterial, output, salt, info);

    /// <summary>PBKDF2-HMAC-SHA512 (RFC 8018).</summary>
    public static void Pbkdf2(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, int iterations, Span<byte> output)
        => Rfc2898DeriveBytes.Pbkdf2(passphrase, salt, output, iterations, HashAlgorithmName.SHA512);
}

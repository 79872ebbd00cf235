using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// Wraps a key under 32 random bytes in a file that only its owner can read (mode 0600; on Windows, what the folder's access list gives). It guards against other users of the machine and against
/// copies of the profile without the file; who holds both holds the data. The file: <c>PSLKEY</c>, a zero byte, version 1, 32 bytes; while a rotation exchanges the secret, version 2 with the new one before the old.
/// Safe to share between threads.
/// </summary>
public sealed class FileKeyProtector : IRenewableKeyProtector
{
    /// <summary>The name of this protector.</summary>
    public const string KindName = "file";

    private const byte FormatVersion = 1;
    private const int MagicSize = 8;
    private const int VersionOffset = 7;
    private const int SingleSize = MagicSize + KeyDerivation.KeySize;
    private const int DoubleSize = SingleSize + KeyDerivation.KeySize;
    private const int WrappedSize = 1 + KeyDerivation.KeySize + AuthenticatedCipher.Overhead;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;

    /// <summary>Names the key file; it is read when a key is wrapped or unwrapped.</summary>
    /// <param name="path">The key file.</param>
    public FileKeyProtector(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = System.IO.Path.GetFullPath(path);
    }

    private static ReadOnlySpan<byte> Magic => "PSLKEY\0"u8;

    /// <inheritdoc/>
    public string Kind => KindName;

    internal string Path => _path;

    /// <summary>Writes a new random key file unless there is one already.</summary>
    /// <exception cref="ProfileAccessException">The file cannot be written.</exception>
    public void CreateIfMissing()
    {
        if (!File.Exists(_path))
        {
            var secret = NewSecret();
            Write(secret);
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <inheritdoc/>
    public void BeginRenewal()
    {
        var content = Read(out var length);
        var secrets = GC.AllocateArray<byte>(2 * KeyDerivation.KeySize, pinned: true);
        try
        {
            // Of a renewal that was cut short the newer secret may have wrapped nothing: which one did is not known here, so none is dropped.
            if (length == DoubleSize)
            {
                return;
            }

            RandomNumberGenerator.Fill(secrets.AsSpan(0, KeyDerivation.KeySize));
            content.AsSpan(MagicSize, KeyDerivation.KeySize).CopyTo(secrets.AsSpan(KeyDerivation.KeySize));
            Write(secrets);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
            CryptographicOperations.ZeroMemory(secrets);
        }
    }

    /// <inheritdoc/>
    public void CompleteRenewal()
    {
        var content = Read(out var length);
        try
        {
            if (length == DoubleSize)
            {
                Write(content.AsSpan(MagicSize, KeyDerivation.KeySize).ToArray());
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>After a renewal that was cut short, drops the secret that did not wrap a key.</summary>
    internal void Settle(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> associatedData)
    {
        var content = Read(out var length);
        Span<byte> key = stackalloc byte[KeyDerivation.KeySize];
        try
        {
            for (var start = MagicSize; length == DoubleSize && start < length; start += KeyDerivation.KeySize)
            {
                using var cipher = new AuthenticatedCipher(content.AsSpan(start, KeyDerivation.KeySize));
                if (cipher.TryDecrypt(wrapped[1..], Bind(associatedData), key))
                {
                    Write(content.AsSpan(start, KeyDerivation.KeySize).ToArray());
                    return;
                }
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>Removes the key file for good, overwriting it first.</summary>
    /// <exception cref="ProfileAccessException">The file system refused.</exception>
    public void Destroy() => DurableFile.Shred(_path);

    /// <inheritdoc/>
    public byte[] Wrap(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associatedData)
    {
        KeyDerivation.RequireKeySize(key);
        var content = Read(out _);
        try
        {
            using var cipher = new AuthenticatedCipher(content.AsSpan(MagicSize, KeyDerivation.KeySize));
            var wrapped = new byte[WrappedSize];
            wrapped[0] = FormatVersion;
            cipher.Encrypt(key, Bind(associatedData), wrapped.AsSpan(1));
            return wrapped;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <inheritdoc/>
    public void Unwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> associatedData, Span<byte> key)
    {
        KeyDerivation.RequireKeySize(key);
        if (wrapped.Length != WrappedSize || wrapped[0] != FormatVersion)
        {
            throw new StoreKeyException(StoreKeyError.WrappedKeyMalformed, "the wrapped key is damaged or of an unknown format: restore profile.json from a backup");
        }

        var content = Read(out var length);
        try
        {
            for (var start = MagicSize; start < length; start += KeyDerivation.KeySize)
            {
                using var cipher = new AuthenticatedCipher(content.AsSpan(start, KeyDerivation.KeySize));
                if (cipher.TryDecrypt(wrapped[1..], Bind(associatedData), key))
                {
                    return;
                }
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }

        throw new StoreKeyException(StoreKeyError.WrongKey, "the key file is not the one this profile was made with, or the key's header was changed: restore the right key file", _path);
    }

    private static byte[] Bind(ReadOnlySpan<byte> associatedData) => [.. "personalize/1/wrap/file"u8, .. associatedData];

    private static byte[] NewSecret()
    {
        var secret = GC.AllocateArray<byte>(KeyDerivation.KeySize, pinned: true);
        RandomNumberGenerator.Fill(secret);
        return secret;
    }

    private void Write(byte[] secrets) => DurableFile.Replace(_path, stream =>
    {
        stream.Write(Magic);
        stream.WriteByte((byte)(secrets.Length / KeyDerivation.KeySize));
        stream.Write(secrets);
    });

    /// <summary>The file in pinned memory, which the caller clears; its first <paramref name="length"/> bytes are it.</summary>
    private byte[] Read(out int length)
    {
        var content = GC.AllocateArray<byte>(DoubleSize + 1, pinned: true);
        try
        {
            using var stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & ~OwnerOnly) != UnixFileMode.None)
            {
                throw new StoreKeyException(StoreKeyError.KeyFileTooOpen, "others may read the key file: run chmod 600 on it, and change the key if it was exposed", _path);
            }

            length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return content.AsSpan().StartsWith(Magic) && length == (content[VersionOffset] switch { 1 => SingleSize, 2 => DoubleSize, _ => -1 })
                ? content
                : throw new StoreKeyException(StoreKeyError.KeyFileMalformed, "is not a key file, or was cut: restore it from a backup", _path);
        }
        catch (Exception exception)
        {
            CryptographicOperations.ZeroMemory(content);
            throw exception switch
            {
                FileNotFoundException or DirectoryNotFoundException => new StoreKeyException(StoreKeyError.KeyFileMissing, "the key file is not there; without it the profile cannot be opened: restore it from a backup", _path, exception),
                IOException or UnauthorizedAccessException => FileSystemFaults.Translate(_path, exception, writing: false),
                _ => exception,
            };
        }
    }
}

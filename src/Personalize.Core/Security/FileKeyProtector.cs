using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// Wraps a key under 32 random bytes in a file that only its owner can read (mode 0600; on Windows, what the folder's access list gives). It guards against other users of the machine and against
/// copies of the profile without the file; who holds both holds the data. The file: <c>PSLKEY</c>, a zero byte, version 1, 32 bytes. Safe to share between threads.
/// </summary>
public sealed class FileKeyProtector : IKeyProtector
{
    /// <summary>The name of this protector.</summary>
    public const string KindName = "file";

    private const byte FormatVersion = 1;
    private const int WrappedSize = 1 + KeyDerivation.KeySize + AuthenticatedCipher.Overhead;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;

    /// <summary>Names the key file; it is read when a key is wrapped or unwrapped.</summary>
    /// <param name="path">The key file.</param>
    public FileKeyProtector(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _path = Path.GetFullPath(path);
    }

    private static ReadOnlySpan<byte> Magic => "PSLKEY\0\u0001"u8;

    /// <inheritdoc/>
    public string Kind => KindName;

    /// <summary>Writes a new random key file unless there is one already.</summary>
    /// <exception cref="ProfileAccessException">The file cannot be written.</exception>
    public void CreateIfMissing()
    {
        if (File.Exists(_path))
        {
            return;
        }

        var secret = GC.AllocateArray<byte>(KeyDerivation.KeySize, pinned: true);
        RandomNumberGenerator.Fill(secret);
        try
        {
            DurableFile.Write(_path, stream =>
            {
                stream.Write(Magic);
                stream.Write(secret);
            });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <inheritdoc/>
    public byte[] Wrap(ReadOnlySpan<byte> key, ReadOnlySpan<byte> associatedData)
    {
        KeyDerivation.RequireKeySize(key);
        using var cipher = ReadCipher();
        var wrapped = new byte[WrappedSize];
        wrapped[0] = FormatVersion;
        cipher.Encrypt(key, Bind(associatedData), wrapped.AsSpan(1));
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

        using var cipher = ReadCipher();
        if (!cipher.TryDecrypt(wrapped[1..], Bind(associatedData), key))
        {
            throw new StoreKeyException(StoreKeyError.WrongKey, "the key file is not the one this profile was made with, or the key's header was changed: restore the right key file", _path);
        }
    }

    private static byte[] Bind(ReadOnlySpan<byte> associatedData) => [.. "personalize/1/wrap/file"u8, .. associatedData];

    private AuthenticatedCipher ReadCipher()
    {
        Span<byte> content = stackalloc byte[Magic.Length + KeyDerivation.KeySize + 1];
        try
        {
            using var stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(stream.SafeFileHandle) & ~OwnerOnly) != UnixFileMode.None)
            {
                throw new StoreKeyException(StoreKeyError.KeyFileTooOpen, "others may read the key file: run chmod 600 on it, and change the key if it was exposed", _path);
            }

            var length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            if (length != content.Length - 1 || !content.StartsWith(Magic))
            {
                throw new StoreKeyException(StoreKeyError.KeyFileMalformed, "is not a key file, or was cut: restore it from a backup", _path);
            }

            return new AuthenticatedCipher(content.Slice(Magic.Length, KeyDerivation.KeySize));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new StoreKeyException(StoreKeyError.KeyFileMissing, "the key file is not there; without it the profile cannot be opened: restore it from a backup", _path, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(_path, exception, writing: false);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>
/// Files of any length, sealed in parts so that memory stays bounded. Format, version 2: a header (<see cref="SealedFileHeader"/>), then parts of 1 MiB of plaintext (the last one shorter, perhaps empty), each
/// nonce, ciphertext and tag under a key that only this file has, with the part's number and whether it is the last authenticated (the STREAM construction, Hoang, Reyhanitabar, Rogaway, Vizar 2015): parts cannot be
/// dropped, doubled, reordered or taken from another file. Version 1, whose parts a <see cref="SealedBox"/> sealed one by one, is still read.
/// </summary>
public static class SealedFile
{
    internal const int PartSize = 1 << 20;

    internal const int SealedPartSize = PartSize + AuthenticatedCipher.Overhead;

    private const byte FirstVersion = 1;

    internal static ReadOnlySpan<byte> Magic => "PSLFILE\u0002"u8;

    /// <summary>Writes a sealed file in one step: a reader, or a kill, sees the old file or the whole new one.</summary>
    /// <param name="path">The file, readable by its owner only; one that is there is replaced.</param>
    /// <param name="box">The box to seal with.</param>
    /// <param name="context">Where the file belongs; needed again to read it.</param>
    /// <param name="write">Writes the plaintext to the stream it is given, and leaves that open.</param>
    /// <exception cref="ProfileAccessException">The file system refused; what was there before is untouched.</exception>
    /// <exception cref="StoreKeyException">The box's key is used up.</exception>
    public static void Write(string path, SealedBox box, SealContext context, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(box);
        ArgumentNullException.ThrowIfNull(write);
        DurableFile.Write(path, file =>
        {
            var header = new SealedFileHeader(box.Purpose, box.PrimaryId.ToArray(), RandomNumberGenerator.GetBytes(SealedFileHeader.SaltSize), context);
            if (!box.TryCreateFileCipher(header.KeyId, header.Salt, out var cipher))
            {
                throw new InvalidOperationException("the box lost the key that it seals with");
            }

            using (cipher)
            {
                header.Write(file);
                using var sealing = new SealingStream(file, cipher!, context);
                write(sealing);
                sealing.Complete();
            }
        });
    }

    /// <summary>Opens a sealed file for reading from its beginning. Every part is authenticated before its first byte is given out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="box">The box it was sealed with.</param>
    /// <param name="context">Where it belongs.</param>
    /// <returns>The plaintext as a forward-only stream, owned by the caller; reading throws <see cref="StoreIntegrityException"/> where a part was changed or the file was cut.</returns>
    /// <exception cref="StoreIntegrityException">It is not a sealed file, or not the one that belongs here.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer format.</exception>
    /// <exception cref="ProfileAccessException">It cannot be read.</exception>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The returned stream owns the file and the cipher.")]
    public static Stream OpenRead(string path, SealedBox box, SealContext context)
    {
        ArgumentNullException.ThrowIfNull(box);
        var file = OpenFile(path);
        try
        {
            return new OpeningStream(file, path, ReadHeader(file, path, box, context), context);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Where a file of the present version says it belongs; null of a file that is no sealed one or of version 1. Nothing of it is authenticated yet.</summary>
    internal static (bool IsSealed, SealedFileHeader? Header) Peek(string path)
    {
        using var file = OpenFile(path);
        Span<byte> magic = stackalloc byte[8];
        var length = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        if (length != magic.Length || !magic[..^1].SequenceEqual(Magic[..^1]))
        {
            return (false, null);
        }

        return (true, magic[^1] == Magic[^1] ? SealedFileHeader.TryRead(file) : null);
    }

    internal static SealContext PartOf(SealContext context, long index, bool last) => context with { Part = (index << 1) | (last ? 1L : 0L) };

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: false);
        }
    }

    private static IPartCipher ReadHeader(FileStream file, string path, SealedBox box, SealContext context)
    {
        Span<byte> magic = stackalloc byte[8];
        var length = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        if (length != magic.Length || !magic[..^1].SequenceEqual(Magic[..^1]) || magic[^1] == 0)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, path, "is not a sealed file: restore it from a backup or remove the entry", context.Table, context.Row);
        }

        if (magic[^1] > Magic[^1])
        {
            throw new ProfileVersionException(path, magic[^1], Magic[^1]);
        }

        if (magic[^1] == FirstVersion)
        {
            return new BoxPartCipher(box);
        }

        var header = SealedFileHeader.TryRead(file)
            ?? throw new StoreIntegrityException(StoreIntegrityError.Truncated, path, "the sealed file was cut: restore it from a backup or remove the entry", context.Table, context.Row);
        if (header.Purpose != box.Purpose || header.Context != context || !box.TryCreateFileCipher(header.KeyId, header.Salt, out var cipher))
        {
            throw new StoreIntegrityException(StoreIntegrityError.NotAuthentic, path, SealedBox.Describe(StoreIntegrityError.NotAuthentic), context.Table, context.Row);
        }

        return cipher!;
    }
}

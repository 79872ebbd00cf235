using System.Security.Cryptography;
using Personalize.Core.Errors;

namespace Personalize.Core.Security;

/// <summary>Opens a sealed file part by part. Owns the file and the cipher.</summary>
internal sealed class OpeningStream(Stream file, string path, IPartCipher cipher, SealContext context) : ForwardStream
{
    // One byte more than a part: where it is filled, another part follows.
    private readonly byte[] _sealed = new byte[SealedFile.PartSize + cipher.Overhead + 1];
    private byte[] _part = [];
    private int _carried;
    private int _position;
    private long _index;
    private bool _ended;

    public override bool CanRead => true;

    public override bool CanWrite => false;

    public override int Read(Span<byte> buffer)
    {
        while (_position == _part.Length && !_ended)
        {
            ReadPart();
        }

        var count = Math.Min(buffer.Length, _part.Length - _position);
        _part.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_part);
        if (disposing)
        {
            file.Dispose();
            cipher.Dispose();
        }

        base.Dispose(disposing);
    }

    private void ReadPart()
    {
        int available;
        try
        {
            available = _carried + file.ReadAtLeast(_sealed.AsSpan(_carried), _sealed.Length - _carried, throwOnEndOfStream: false);
        }
        catch (IOException exception)
        {
            throw FileSystemFaults.Translate(path, exception, writing: false);
        }

        var last = available < _sealed.Length;
        var sealedPart = _sealed.AsSpan(0, Math.Min(available, _sealed.Length - 1));
        CryptographicOperations.ZeroMemory(_part);
        if (!cipher.TryOpen(sealedPart, SealedFile.PartOf(context, _index, last), out var opened))
        {
            // A whole part that authenticates as one that more should follow tells a cut file from a changed one.
            var cut = sealedPart.Length < cipher.Overhead || cipher.TryOpen(sealedPart, SealedFile.PartOf(context, _index, !last), out _);
            throw new StoreIntegrityException(
                cut ? StoreIntegrityError.Truncated : StoreIntegrityError.NotAuthentic,
                path,
                cut ? "the sealed file was cut or something was added to it: restore it from a backup or remove the entry" : SealedBox.Describe(StoreIntegrityError.NotAuthentic),
                context.Table,
                context.Row);
        }

        _part = opened;
        _position = 0;
        _index++;
        _ended = last;
        _carried = last ? 0 : 1;
        _sealed[0] = _sealed[^1];
    }
}

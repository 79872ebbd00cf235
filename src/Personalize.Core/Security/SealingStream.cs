using System.Security.Cryptography;

namespace Personalize.Core.Security;

/// <summary>Seals what is written to it, part by part. <see cref="Complete"/> writes the last part; a stream that is disposed without it leaves a file that no reader accepts.</summary>
internal sealed class SealingStream(Stream file, FilePartCipher cipher, SealContext context) : ForwardStream
{
    private readonly byte[] _part = new byte[SealedFile.PartSize];
    private int _filled;
    private long _index;

    public override bool CanRead => false;

    public override bool CanWrite => true;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            // A full part is only written once more follows: the last part must be known as such.
            if (_filled == _part.Length)
            {
                WritePart(last: false);
            }

            var count = Math.Min(buffer.Length, _part.Length - _filled);
            buffer[..count].CopyTo(_part.AsSpan(_filled));
            _filled += count;
            buffer = buffer[count..];
        }
    }

    public void Complete() => WritePart(last: true);

    public override int Read(Span<byte> buffer) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        CryptographicOperations.ZeroMemory(_part);
        base.Dispose(disposing);
    }

    private void WritePart(bool last)
    {
        file.Write(cipher.Seal(_part.AsSpan(0, _filled), SealedFile.PartOf(context, _index++, last)));
        _filled = 0;
    }
}

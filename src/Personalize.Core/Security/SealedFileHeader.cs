using System.Buffers.Binary;
using System.Text;

namespace Personalize.Core.Security;

/// <summary>
/// What stands in clear before the parts of a sealed file: <c>PSLFILE</c>, version byte 2, the purpose (byte), the id of the epoch key (16), the salt of the file's own key (32), the version of the content's layout (i32 little-endian), then
/// table, row and column, each with its length (u16) before it. All of it goes into the key or is authenticated with each part; it stands there so that a rotation can seal any file anew without knowing what is in it.
/// </summary>
internal sealed record SealedFileHeader(KeyPurpose Purpose, byte[] KeyId, byte[] Salt, SealContext Context)
{
    public const int SaltSize = 32;

    private const int FixedSize = 1 + ProfileKey.IdSize + SaltSize + 4;
    private const int LongestName = 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public void Write(Stream stream)
    {
        stream.Write(SealedFile.Magic);
        stream.WriteByte((byte)Purpose);
        stream.Write(KeyId);
        stream.Write(Salt);
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(number, Context.SchemaVersion);
        stream.Write(number);
        foreach (var name in (ReadOnlySpan<string>)[Context.Table, Context.Row, Context.Column])
        {
            var bytes = StrictUtf8.GetBytes(name);
            if (bytes.Length > LongestName)
            {
                throw new InvalidOperationException($"a name of {bytes.Length} bytes is over the limit of {LongestName}");
            }

            BinaryPrimitives.WriteUInt16LittleEndian(number, (ushort)bytes.Length);
            stream.Write(number[..2]);
            stream.Write(bytes);
        }
    }

    /// <summary>Reads what follows the magic; null where it ends early or is no header.</summary>
    public static SealedFileHeader? TryRead(Stream stream)
    {
        Span<byte> bytes = stackalloc byte[FixedSize];
        if (stream.ReadAtLeast(bytes, FixedSize, throwOnEndOfStream: false) != FixedSize)
        {
            return null;
        }

        var names = new string[3];
        Span<byte> name = stackalloc byte[LongestName];
        for (var i = 0; i < names.Length; i++)
        {
            if (stream.ReadAtLeast(name[..2], 2, throwOnEndOfStream: false) != 2)
            {
                return null;
            }

            var length = BinaryPrimitives.ReadUInt16LittleEndian(name);
            if (length > LongestName || stream.ReadAtLeast(name[..length], length, throwOnEndOfStream: false) != length)
            {
                return null;
            }

            try
            {
                names[i] = StrictUtf8.GetString(name[..length]);
            }
            catch (DecoderFallbackException)
            {
                return null;
            }
        }

        return new SealedFileHeader(
            (KeyPurpose)bytes[0],
            bytes.Slice(1, ProfileKey.IdSize).ToArray(),
            bytes.Slice(1 + ProfileKey.IdSize, SaltSize).ToArray(),
            new SealContext(names[0], names[1], names[2], BinaryPrimitives.ReadInt32LittleEndian(bytes[^4..])));
    }
}

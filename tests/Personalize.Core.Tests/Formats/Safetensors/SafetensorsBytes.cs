using System.Buffers.Binary;
using System.Text;

namespace Personalize.Core.Tests.Formats.Safetensors;

/// <summary>Puts a safetensors file together from header text and data. A <c>¦</c> in the text is left out and marks the byte at fault.</summary>
internal static class SafetensorsBytes
{
    private const char Marker = '¦';

    public static (byte[] Bytes, long Marked) Build(string header, int dataLength)
    {
        var marked = header.IndexOf(Marker);
        var prefix = marked < 0 ? 0 : Encoding.UTF8.GetByteCount(header[..marked]);
        return (Build(Encoding.UTF8.GetBytes(header.Replace(Marker.ToString(), "", StringComparison.Ordinal)), dataLength), marked < 0 ? -1 : 8 + prefix);
    }

    public static byte[] Build(byte[] header, int dataLength, ulong? headerLength = null)
    {
        var bytes = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength ?? (ulong)header.Length);
        header.CopyTo(bytes, 8);
        return bytes;
    }
}

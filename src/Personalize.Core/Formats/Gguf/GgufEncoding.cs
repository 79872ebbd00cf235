using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Personalize.Core.Formats.Gguf;

/// <summary>How GGUF stores values.</summary>
internal static class GgufEncoding
{
    /// <summary>The value type that stores a .NET type.</summary>
    /// <exception cref="NotSupportedException">GGUF has none.</exception>
    public static GgufValueType TypeOf<T>() => default(T) switch
    {
        byte => GgufValueType.UInt8,
        sbyte => GgufValueType.Int8,
        ushort => GgufValueType.UInt16,
        short => GgufValueType.Int16,
        uint => GgufValueType.UInt32,
        int => GgufValueType.Int32,
        float => GgufValueType.Float32,
        bool => GgufValueType.Boolean,
        ulong => GgufValueType.UInt64,
        long => GgufValueType.Int64,
        double => GgufValueType.Float64,
        _ => throw new NotSupportedException($"GGUF has no arrays of {typeof(T)}"),
    };

    /// <summary>A 64-bit length and as many bytes of UTF-8.</summary>
    public static void WriteText(this ArrayBufferWriter<byte> target, string value)
    {
        target.WriteScalar((ulong)Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, target);
    }

    /// <summary>The bytes of a number, little-endian.</summary>
    public static void WriteScalar<T>(this ArrayBufferWriter<byte> target, T value)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(new Span<T>(ref value));
        if (!BitConverter.IsLittleEndian)
        {
            bytes.Reverse();
        }

        target.Write(bytes);
    }
}

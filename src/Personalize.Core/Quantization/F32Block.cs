using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Personalize.Core.Quantization;

/// <summary>Single precision, stored little-endian: a block is one element of 4 bytes.</summary>
public static class F32Block
{
    /// <summary>Reads stored singles.</summary>
    /// <param name="source">4 bytes an element.</param>
    /// <param name="destination">As many elements.</param>
    /// <exception cref="ArgumentException">The lengths disagree.</exception>
    public static void Dequantize(ReadOnlySpan<byte> source, Span<float> destination)
    {
        BlockCodec.RequireLengths(GgmlType.F32, source.Length, destination.Length);
        if (BitConverter.IsLittleEndian)
        {
            source.CopyTo(MemoryMarshal.AsBytes(destination));
            return;
        }

        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = BinaryPrimitives.ReadSingleLittleEndian(source[(i * 4)..]);
        }
    }

    /// <summary>Stores singles.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">4 bytes an element.</param>
    /// <exception cref="ArgumentException">The lengths disagree.</exception>
    public static void Quantize(ReadOnlySpan<float> source, Span<byte> destination)
    {
        BlockCodec.RequireLengths(GgmlType.F32, destination.Length, source.Length);
        if (BitConverter.IsLittleEndian)
        {
            MemoryMarshal.AsBytes(source).CopyTo(destination);
            return;
        }

        for (var i = 0; i < source.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(destination[(i * 4)..], source[i]);
        }
    }
}

using System.Buffers.Binary;

namespace Personalize.Core.Quantization;

/// <summary>The upper 16 bits of a single, stored little-endian: a block is one element of 2 bytes. Storing rounds to nearest, ties to even; a NaN stays a (quiet) NaN.</summary>
public static class BF16Block
{
    private const uint QuietBit = 0x0040_0000;

    /// <summary>Widens stored values; exact.</summary>
    /// <param name="source">2 bytes an element.</param>
    /// <param name="destination">As many elements.</param>
    /// <exception cref="ArgumentException">The lengths disagree.</exception>
    public static void Dequantize(ReadOnlySpan<byte> source, Span<float> destination)
    {
        BlockCodec.RequireLengths(GgmlType.BF16, source.Length, destination.Length);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(source[(i * 2)..]) << 16);
        }
    }

    /// <summary>Rounds singles to their upper half.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">2 bytes an element.</param>
    /// <exception cref="ArgumentException">The lengths disagree.</exception>
    public static void Quantize(ReadOnlySpan<float> source, Span<byte> destination)
    {
        BlockCodec.RequireLengths(GgmlType.BF16, destination.Length, source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(destination[(i * 2)..], Round(source[i]));
        }
    }

    private static ushort Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
        {
            // Rounding could carry a NaN's payload into infinity; cutting it off and setting the quiet bit cannot.
            return (ushort)((bits | QuietBit) >> 16);
        }

        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

using System.Buffers.Binary;

namespace Personalize.Core.Quantization;

/// <summary>Half precision, stored little-endian: a block is one element of 2 bytes. Storing rounds to nearest, ties to even; beyond 65504 it becomes infinity.</summary>
public static class F16Block
{
    /// <summary>Widens stored halves; exact.</summary>
    /// <param name="source">2 bytes an element.</param>
    /// <param name="destination">As many elements.</param>
    /// <exception cref="ArgumentException">The lengths disagree.</exception>
    public static void Dequantize(ReadOnlySpan<byte> source, Span<float> destination)
    {
        BlockCodec.RequireLengths(GgmlType.F16, source.Length, destination.Length);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(source[(i * 2)..]);
        }
    }

    /// <summary>Rounds singles to halves.</summary>
    /// <param name="source">The elements.</param>
    /// <param name="destination">2 bytes an element.</param>
    /// <exception cref="ArgumentException">The lengths disagree.</exception>
    public static void Quantize(ReadOnlySpan<float> source, Span<byte> destination)
    {
        BlockCodec.RequireLengths(GgmlType.F16, destination.Length, source.Length);
        for (var i = 0; i < source.Length; i++)
        {
            BinaryPrimitives.WriteHalfLittleEndian(destination[(i * 2)..], (Half)source[i]);
        }
    }
}

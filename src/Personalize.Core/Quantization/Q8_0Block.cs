#pragma warning disable CA1707 // The underscores are part of the formats' names.
using System.Buffers.Binary;

namespace Personalize.Core.Quantization;

/// <summary>32 elements in 34 bytes: half d, then 32 signed bytes; <c>y = d * q</c>. The scalar reference that the kernels are held against.</summary>
public static class Q8_0Block
{
    private const int Elements = 32;
    private const int Bytes = 34;
    private const int TopLevel = 127;

    /// <summary>Computes the values of whole blocks.</summary>
    /// <param name="source">34 bytes a block.</param>
    /// <param name="destination">32 elements a block.</param>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Dequantize(ReadOnlySpan<byte> source, Span<float> destination)
    {
        BlockCodec.RequireLengths(GgmlType.Q8_0, source.Length, destination.Length);
        for (; source.Length > 0; source = source[Bytes..], destination = destination[Elements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(source);
            for (var j = 0; j < Elements; j++)
            {
                destination[j] = d * (sbyte)source[2 + j];
            }
        }
    }

    /// <summary>Rounds to the nearest multiple of d, ties away from zero, where d is the largest magnitude of the block over 127.</summary>
    /// <param name="source">32 elements a block, finite.</param>
    /// <param name="destination">34 bytes a block.</param>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Quantize(ReadOnlySpan<float> source, Span<byte> destination)
    {
        BlockCodec.RequireLengths(GgmlType.Q8_0, destination.Length, source.Length);
        for (; source.Length > 0; source = source[Elements..], destination = destination[Bytes..])
        {
            var magnitude = 0f;
            foreach (var x in source[..Elements])
            {
                magnitude = MathF.Max(magnitude, MathF.Abs(x));
            }

            var d = magnitude / TopLevel;
            var inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)d);
            for (var j = 0; j < Elements; j++)
            {
                var level = MathF.Round(source[j] * inverse, MidpointRounding.AwayFromZero);
                destination[2 + j] = (byte)(sbyte)Math.Clamp(level, -TopLevel, TopLevel);
            }
        }
    }
}

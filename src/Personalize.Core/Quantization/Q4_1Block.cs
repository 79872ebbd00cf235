#pragma warning disable CA1707 // The underscores are part of the formats' names.
using System.Buffers.Binary;

namespace Personalize.Core.Quantization;

/// <summary>
/// 32 elements in 20 bytes: half d, half m, then 16 bytes that hold element j in the low and element j + 16 in the high nibble; <c>y = d * q + m</c>.
/// The scalar reference that the kernels are held against.
/// </summary>
public static class Q4_1Block
{
    private const int Elements = 32;
    private const int Bytes = 20;
    private const int HalfBlock = Elements / 2;
    private const int TopLevel = 15;

    /// <summary>Computes the values of whole blocks, with product and sum rounded separately.</summary>
    /// <param name="source">20 bytes a block.</param>
    /// <param name="destination">32 elements a block.</param>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Dequantize(ReadOnlySpan<byte> source, Span<float> destination)
    {
        BlockCodec.RequireLengths(GgmlType.Q4_1, source.Length, destination.Length);
        for (; source.Length > 0; source = source[Bytes..], destination = destination[Elements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(source);
            var m = (float)BinaryPrimitives.ReadHalfLittleEndian(source[2..]);
            for (var j = 0; j < HalfBlock; j++)
            {
                destination[j] = (d * (source[4 + j] & 15)) + m;
                destination[j + HalfBlock] = (d * (source[4 + j] >> 4)) + m;
            }
        }
    }

    /// <summary>Rounds to the nearest of 16 levels between the block's minimum m and maximum m + 15 d.</summary>
    /// <param name="source">32 elements a block, finite.</param>
    /// <param name="destination">20 bytes a block.</param>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Quantize(ReadOnlySpan<float> source, Span<byte> destination)
    {
        BlockCodec.RequireLengths(GgmlType.Q4_1, destination.Length, source.Length);
        for (; source.Length > 0; source = source[Elements..], destination = destination[Bytes..])
        {
            var minimum = source[0];
            var maximum = source[0];
            foreach (var x in source[..Elements])
            {
                minimum = MathF.Min(minimum, x);
                maximum = MathF.Max(maximum, x);
            }

            var d = (maximum - minimum) / TopLevel;
            var inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)d);
            BinaryPrimitives.WriteHalfLittleEndian(destination[2..], (Half)minimum);
            for (var j = 0; j < HalfBlock; j++)
            {
                var low = Level(source[j] - minimum, inverse);
                var high = Level(source[j + HalfBlock] - minimum, inverse);
                destination[4 + j] = (byte)(low | (high << 4));
            }
        }
    }

    private static int Level(float aboveMinimum, float inverse) => Math.Clamp((int)((aboveMinimum * inverse) + 0.5f), 0, TopLevel);
}

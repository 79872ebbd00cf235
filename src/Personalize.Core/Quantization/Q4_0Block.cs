#pragma warning disable CA1707 // The underscores are part of the formats' names.
using System.Buffers.Binary;

namespace Personalize.Core.Quantization;

/// <summary>
/// 32 elements in 18 bytes: half d, then 16 bytes that hold element j in the low and element j + 16 in the high nibble; <c>y = d * (q - 8)</c>.
/// The scalar reference that the kernels are held against.
/// </summary>
public static class Q4_0Block
{
    private const int Elements = 32;
    private const int Bytes = 18;
    private const int HalfBlock = Elements / 2;
    private const int Zero = 8;

    /// <summary>Computes the values of whole blocks.</summary>
    /// <param name="source">18 bytes a block.</param>
    /// <param name="destination">32 elements a block.</param>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Dequantize(ReadOnlySpan<byte> source, Span<float> destination)
    {
        BlockCodec.RequireLengths(GgmlType.Q4_0, source.Length, destination.Length);
        for (; source.Length > 0; source = source[Bytes..], destination = destination[Elements..])
        {
            var d = (float)BinaryPrimitives.ReadHalfLittleEndian(source);
            for (var j = 0; j < HalfBlock; j++)
            {
                destination[j] = d * ((source[2 + j] & 15) - Zero);
                destination[j + HalfBlock] = d * ((source[2 + j] >> 4) - Zero);
            }
        }
    }

    /// <summary>Rounds to the nearest level: d is the element of largest magnitude over -8, so that it is met exactly (up to d's rounding to half).</summary>
    /// <param name="source">32 elements a block, finite.</param>
    /// <param name="destination">18 bytes a block.</param>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Quantize(ReadOnlySpan<float> source, Span<byte> destination)
    {
        BlockCodec.RequireLengths(GgmlType.Q4_0, destination.Length, source.Length);
        for (; source.Length > 0; source = source[Elements..], destination = destination[Bytes..])
        {
            var extreme = 0f;
            foreach (var x in source[..Elements])
            {
                extreme = MathF.Abs(x) > MathF.Abs(extreme) ? x : extreme;
            }

            var d = extreme / -Zero;
            var inverse = d == 0 ? 0 : 1 / d;
            BinaryPrimitives.WriteHalfLittleEndian(destination, (Half)d);
            for (var j = 0; j < HalfBlock; j++)
            {
                var low = Level(source[j], inverse);
                var high = Level(source[j + HalfBlock], inverse);
                destination[2 + j] = (byte)(low | (high << 4));
            }
        }
    }

    // One rounding for product and sum, as the compilers of the C quantizers contract it.
    private static int Level(float x, float inverse) => Math.Clamp((int)MathF.FusedMultiplyAdd(x, inverse, Zero + 0.5f), 0, 15);
}

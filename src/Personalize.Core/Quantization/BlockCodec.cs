using System.Buffers.Binary;

namespace Personalize.Core.Quantization;

/// <summary>Chooses the scalar reference of a tensor type. Stateless and thread-safe.</summary>
public static class BlockCodec
{
    // NaN and infinity are what has all bits of the exponent set; of a single, the upper 16 bits tell.
    private const int HalfExponent = 0x7C00;
    private const int SingleExponent = 0x7F80;

    /// <summary>Computes the values of whole blocks.</summary>
    /// <param name="type">A supported type.</param>
    /// <param name="source">Whole blocks, as they lie in the file.</param>
    /// <param name="destination">As many elements as the blocks hold.</param>
    /// <exception cref="NotSupportedException">The type is described only, see <see cref="BlockFormat.IsSupported"/>.</exception>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Dequantize(GgmlType type, ReadOnlySpan<byte> source, Span<float> destination)
    {
        switch (type)
        {
            case GgmlType.F32: F32Block.Dequantize(source, destination); break;
            case GgmlType.F16: F16Block.Dequantize(source, destination); break;
            case GgmlType.BF16: BF16Block.Dequantize(source, destination); break;
            case GgmlType.Q4_0: Q4_0Block.Dequantize(source, destination); break;
            case GgmlType.Q4_1: Q4_1Block.Dequantize(source, destination); break;
            case GgmlType.Q8_0: Q8_0Block.Dequantize(source, destination); break;
            default: throw new NotSupportedException($"values of type {type} are not supported");
        }
    }

    /// <summary>Rounds values to whole blocks.</summary>
    /// <param name="type">A supported type.</param>
    /// <param name="source">Finite elements, a multiple of the block.</param>
    /// <param name="destination">As many bytes as the blocks take.</param>
    /// <exception cref="NotSupportedException">The type is described only, see <see cref="BlockFormat.IsSupported"/>.</exception>
    /// <exception cref="ArgumentException">The lengths disagree or are not whole blocks.</exception>
    public static void Quantize(GgmlType type, ReadOnlySpan<float> source, Span<byte> destination)
    {
        switch (type)
        {
            case GgmlType.F32: F32Block.Quantize(source, destination); break;
            case GgmlType.F16: F16Block.Quantize(source, destination); break;
            case GgmlType.BF16: BF16Block.Quantize(source, destination); break;
            case GgmlType.Q4_0: Q4_0Block.Quantize(source, destination); break;
            case GgmlType.Q4_1: Q4_1Block.Quantize(source, destination); break;
            case GgmlType.Q8_0: Q8_0Block.Quantize(source, destination); break;
            default: throw new NotSupportedException($"values of type {type} are not supported");
        }
    }

    /// <summary>Looks for a scale, minimum or element that is NaN or infinite; the levels of the quantized types are always finite.</summary>
    /// <param name="type">A supported type.</param>
    /// <param name="source">Whole blocks, as they lie in the file.</param>
    /// <returns>The first block that has one, or -1.</returns>
    /// <exception cref="NotSupportedException">The type is described only, see <see cref="BlockFormat.IsSupported"/>.</exception>
    public static int IndexOfNonFinite(GgmlType type, ReadOnlySpan<byte> source) => type switch
    {
        GgmlType.F32 => IndexOfExponent(source, 2, 4, SingleExponent),
        GgmlType.BF16 => IndexOfExponent(source, 0, 2, SingleExponent),
        GgmlType.F16 => IndexOfExponent(source, 0, 2, HalfExponent),
        GgmlType.Q4_0 or GgmlType.Q8_0 => IndexOfExponent(source, 0, BlockFormat.Of(type).ByteCount, HalfExponent),
        GgmlType.Q4_1 => IndexOfExponent(source, 0, BlockFormat.Of(type).ByteCount, HalfExponent, scales: 2),
        _ => throw new NotSupportedException($"values of type {type} are not supported"),
    };

    internal static void RequireLengths(GgmlType type, int byteCount, int elementCount)
    {
        var format = BlockFormat.Of(type);
        if (elementCount % format.ElementCount != 0 || byteCount != (long)elementCount / format.ElementCount * format.ByteCount)
        {
            throw new ArgumentException($"{type}: {elementCount} elements do not take {byteCount} bytes in whole blocks of {format.ElementCount}", nameof(byteCount));
        }
    }

    private static int IndexOfExponent(ReadOnlySpan<byte> source, int offset, int stride, int exponent, int scales = 1)
    {
        for (var (block, at) = (0, offset); at < source.Length; block++, at += stride)
        {
            for (var scale = 0; scale < scales; scale++)
            {
                if ((BinaryPrimitives.ReadUInt16LittleEndian(source[(at + (scale * sizeof(ushort)))..]) & exponent) == exponent)
                {
                    return block;
                }
            }
        }

        return -1;
    }
}

namespace Personalize.Core.Quantization;

/// <summary>Chooses the scalar reference of a tensor type. Stateless and thread-safe.</summary>
public static class BlockCodec
{
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

    internal static void RequireLengths(GgmlType type, int byteCount, int elementCount)
    {
        var format = BlockFormat.Of(type);
        if (elementCount % format.ElementCount != 0 || byteCount != (long)elementCount / format.ElementCount * format.ByteCount)
        {
            throw new ArgumentException($"{type}: {elementCount} elements do not take {byteCount} bytes in whole blocks of {format.ElementCount}", nameof(byteCount));
        }
    }
}

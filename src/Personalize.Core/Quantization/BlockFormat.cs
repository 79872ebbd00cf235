namespace Personalize.Core.Quantization;

/// <summary>The block of a tensor type: how many elements share how many bytes, and whether this library computes with them.</summary>
/// <param name="ElementCount">Elements in a block; a row holds whole blocks.</param>
/// <param name="ByteCount">Bytes in a block.</param>
/// <param name="IsSupported">Whether <see cref="BlockCodec"/> reads and writes the values; the other types are described only.</param>
public readonly record struct BlockFormat(int ElementCount, int ByteCount, bool IsSupported)
{
    /// <summary>Looks up the block of a type.</summary>
    /// <param name="type">A type, possibly a number straight from a file.</param>
    /// <param name="format">The block when the type is known.</param>
    /// <returns>Whether the type is known and was not withdrawn.</returns>
    public static bool TryGet(GgmlType type, out BlockFormat format)
    {
        format = type switch
        {
            GgmlType.F32 => new(1, 4, true),
            GgmlType.F16 or GgmlType.BF16 => new(1, 2, true),
            GgmlType.Q4_0 => new(32, 18, true),
            GgmlType.Q4_1 => new(32, 20, true),
            GgmlType.Q8_0 => new(32, 34, true),
            GgmlType.Q5_0 => new(32, 22, false),
            GgmlType.Q5_1 => new(32, 24, false),
            GgmlType.Q8_1 => new(32, 36, false),
            GgmlType.Q2_K => new(256, 84, false),
            GgmlType.Q3_K => new(256, 110, false),
            GgmlType.Q4_K => new(256, 144, false),
            GgmlType.Q5_K => new(256, 176, false),
            GgmlType.Q6_K => new(256, 210, false),
            GgmlType.Q8_K => new(256, 292, false),
            GgmlType.IQ1_S => new(256, 50, false),
            GgmlType.IQ1_M => new(256, 56, false),
            GgmlType.IQ2_XXS => new(256, 66, false),
            GgmlType.IQ2_XS => new(256, 74, false),
            GgmlType.IQ2_S => new(256, 82, false),
            GgmlType.IQ3_XXS => new(256, 98, false),
            GgmlType.IQ3_S => new(256, 110, false),
            GgmlType.IQ4_NL => new(32, 18, false),
            GgmlType.IQ4_XS => new(256, 136, false),
            GgmlType.TQ1_0 => new(256, 54, false),
            GgmlType.TQ2_0 => new(256, 66, false),
            GgmlType.MXFP4 => new(32, 17, false),
            GgmlType.NVFP4 => new(64, 36, false),
            GgmlType.Q1_0 => new(128, 18, false),
            GgmlType.I8 => new(1, 1, false),
            GgmlType.I16 => new(1, 2, false),
            GgmlType.I32 => new(1, 4, false),
            GgmlType.I64 or GgmlType.F64 => new(1, 8, false),
            _ => default,
        };
        return format.ElementCount != 0;
    }

    /// <summary>The block of a known type.</summary>
    /// <param name="type">The type.</param>
    /// <returns>Its block.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The type is unknown or was withdrawn.</exception>
    public static BlockFormat Of(GgmlType type) =>
        TryGet(type, out var format) ? format : throw new ArgumentOutOfRangeException(nameof(type), type, "unknown tensor type");

    /// <summary>The bytes that whole blocks take: <c>elementCount / ElementCount * ByteCount</c>.</summary>
    /// <param name="elementCount">A multiple of <see cref="ElementCount"/>.</param>
    /// <returns>The length in bytes.</returns>
    /// <exception cref="ArgumentException">The count is negative or not a multiple of the block.</exception>
    /// <exception cref="OverflowException">The length exceeds 2^63 - 1.</exception>
    public long GetByteLength(long elementCount)
    {
        if (elementCount < 0 || elementCount % ElementCount != 0)
        {
            throw new ArgumentException($"{elementCount} elements are not whole blocks of {ElementCount}", nameof(elementCount));
        }

        return checked(elementCount / ElementCount * ByteCount);
    }
}

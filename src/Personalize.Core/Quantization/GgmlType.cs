#pragma warning disable CA1707 // The underscores are part of the formats' names.
namespace Personalize.Core.Quantization;

/// <summary>How the elements of a GGUF tensor are stored. The numbers are those in the file (<c>ggml.h</c>); 4, 5, 31-33 and 36-38 were withdrawn and are refused.</summary>
public enum GgmlType
{
    /// <summary>IEEE 754 single precision.</summary>
    F32 = 0,

    /// <summary>IEEE 754 half precision.</summary>
    F16 = 1,

    /// <summary>4 bits with a scale for each 32 elements, see <see cref="Q4_0Block"/>.</summary>
    Q4_0 = 2,

    /// <summary>4 bits with a scale and a minimum for each 32 elements, see <see cref="Q4_1Block"/>.</summary>
    Q4_1 = 3,

    /// <summary>5 bits with a scale; described only.</summary>
    Q5_0 = 6,

    /// <summary>5 bits with a scale and a minimum; described only.</summary>
    Q5_1 = 7,

    /// <summary>8 bits with a scale for each 32 elements, see <see cref="Q8_0Block"/>.</summary>
    Q8_0 = 8,

    /// <summary>8 bits with a scale and a sum; described only.</summary>
    Q8_1 = 9,

    /// <summary>2-bit k-quant; described only.</summary>
    Q2_K = 10,

    /// <summary>3-bit k-quant; described only.</summary>
    Q3_K = 11,

    /// <summary>4-bit k-quant; described only.</summary>
    Q4_K = 12,

    /// <summary>5-bit k-quant; described only.</summary>
    Q5_K = 13,

    /// <summary>6-bit k-quant; described only.</summary>
    Q6_K = 14,

    /// <summary>8-bit k-quant; described only.</summary>
    Q8_K = 15,

    /// <summary>2.06 bits from a codebook; described only.</summary>
    IQ2_XXS = 16,

    /// <summary>2.31 bits from a codebook; described only.</summary>
    IQ2_XS = 17,

    /// <summary>3.06 bits from a codebook; described only.</summary>
    IQ3_XXS = 18,

    /// <summary>1.56 bits from a codebook; described only.</summary>
    IQ1_S = 19,

    /// <summary>4 bits on a non-linear scale; described only.</summary>
    IQ4_NL = 20,

    /// <summary>3.44 bits from a codebook; described only.</summary>
    IQ3_S = 21,

    /// <summary>2.5 bits from a codebook; described only.</summary>
    IQ2_S = 22,

    /// <summary>4.25 bits on a non-linear scale; described only.</summary>
    IQ4_XS = 23,

    /// <summary>Signed 8-bit integers; described only.</summary>
    I8 = 24,

    /// <summary>Signed 16-bit integers; described only.</summary>
    I16 = 25,

    /// <summary>Signed 32-bit integers; described only.</summary>
    I32 = 26,

    /// <summary>Signed 64-bit integers; described only.</summary>
    I64 = 27,

    /// <summary>IEEE 754 double precision; described only.</summary>
    F64 = 28,

    /// <summary>1.75 bits from a codebook; described only.</summary>
    IQ1_M = 29,

    /// <summary>The upper half of a single.</summary>
    BF16 = 30,

    /// <summary>Ternary, 1.69 bits; described only.</summary>
    TQ1_0 = 34,

    /// <summary>Ternary, 2.06 bits; described only.</summary>
    TQ2_0 = 35,

    /// <summary>4-bit floats with a shared exponent for each 32 elements; described only.</summary>
    MXFP4 = 39,

    /// <summary>4-bit floats with an 8-bit float scale for each 16 elements; described only.</summary>
    NVFP4 = 40,

    /// <summary>1 bit with a scale for each 128 elements; described only.</summary>
    Q1_0 = 41,
}

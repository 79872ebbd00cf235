namespace Personalize.Core.Kernels;

/// <summary>How finely the input of an integer product is rounded, in blocks of 32 with one scale.</summary>
public enum ActivationRounding
{
    /// <summary>8 bits, in steps of <c>max|x| / 127</c>.</summary>
    EightBits,

    /// <summary>16 bits, in steps of <c>max|x| / 32258</c>, so that products of a block with 8-bit weights sum within 32 bits. Twice the products, not a byte more of weights.</summary>
    SixteenBits,
}

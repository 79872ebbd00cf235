namespace Personalize.Core.Quantization;

/// <summary>The formats in which a packed weight matrix can lie in memory.</summary>
public enum WeightFormat
{
    /// <summary>4 bits an element, one half-precision scale for 32: <c>d * (q - 8)</c>.</summary>
    Q4Zero,

    /// <summary>4 bits an element, half-precision scale and offset for 32: <c>d * q + m</c>.</summary>
    Q4One,

    /// <summary>8 bits an element, one half-precision scale for 32: <c>d * q</c>.</summary>
    Q8Zero,

    /// <summary>IEEE half precision.</summary>
    Float16,

    /// <summary>The upper half of single precision.</summary>
    BFloat16,

    /// <summary>Single precision.</summary>
    Float32,
}

namespace Personalize.Core.Models;

/// <summary>With which arithmetic a model's linear maps are computed.</summary>
public enum ArithmeticPrecision
{
    /// <summary>Weights stay as packed, activations are rounded to 8 bits in blocks of 32, products are integers: what is served.</summary>
    Served,

    /// <summary>Single precision over tiles of decoded weights: the reference, and what training uses.</summary>
    Single,
}

namespace Personalize.Core.Adapters;

/// <summary>Which tensor of a pair.</summary>
internal enum AdapterTensor
{
    /// <summary><c>[r, in]</c>.</summary>
    A,

    /// <summary><c>[out, r]</c>.</summary>
    B,

    /// <summary><c>[out]</c>, with DoRA.</summary>
    Magnitude,

    /// <summary><c>[out]</c>, where biases are trained and the base's map has one.</summary>
    Bias,
}

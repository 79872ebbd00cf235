namespace Personalize.Core.Kernels;

/// <summary>How finely activations are rounded before a product in integers; see docs/decisions for what each costs and gives.</summary>
public enum ActivationRounding
{
    /// <summary>One plane of 8 bits: steps of max/127 in a block of 32.</summary>
    OnePlane,

    /// <summary>Two planes of 8 bits, <c>254 * high + low</c>: steps of max/32258. Twice the products, as many bytes of weights.</summary>
    TwoPlanes,
}

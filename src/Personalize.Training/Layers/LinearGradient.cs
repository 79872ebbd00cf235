namespace Personalize.Training.Layers;

/// <summary>Where the gradients of a linear map go whose own weight is trained; views of memory that outlives them.</summary>
internal sealed unsafe class LinearGradient
{
    /// <summary><c>[out, in]</c>, added to.</summary>
    public required float* Weight { get; init; }

    /// <summary><c>[out]</c>, added to; null where the map has no bias.</summary>
    public float* Bias { get; init; }
}

namespace Personalize.Training.Memory;

/// <summary>Where the backward finds a layer's activations.</summary>
public enum ActivationPolicy
{
    /// <summary>Keeps those of as many layers as the budget allows and computes the others again.</summary>
    Auto,

    /// <summary>Keeps all; a small budget makes micro-batches smaller.</summary>
    Keep,

    /// <summary>Keeps each layer's input alone (arXiv 1604.06174) and computes the rest again.</summary>
    Recompute,
}

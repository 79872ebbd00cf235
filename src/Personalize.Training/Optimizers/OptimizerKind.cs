namespace Personalize.Training.Optimizers;

/// <summary>How all weights of a model are updated.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay for every parameter (arXiv 1711.05101).</summary>
    AdamW,

    /// <summary>Momentum made orthogonal for the linear maps (Muon, arXiv 2502.16982), AdamW for embedding, output layer, gains and biases: fewer steps to the same loss.</summary>
    Muon,
}

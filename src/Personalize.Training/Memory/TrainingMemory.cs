namespace Personalize.Training.Memory;

/// <summary>How much memory a training job may use. The choice changes time, never the adapter's bits. Immutable.</summary>
public sealed class TrainingMemory
{
    /// <summary>The default budget.</summary>
    public const long DefaultBudgetBytes = 288L << 20;

    /// <summary>The bytes for activations, adapter, gradients and optimizer; the model's weights are not counted.</summary>
    public long BudgetBytes { get; init; } = DefaultBudgetBytes;

    /// <summary>Whether activations are kept from the forward or computed again in the backward.</summary>
    public ActivationPolicy Activations { get; init; }
}

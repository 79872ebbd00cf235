namespace Personalize.Training.Memory;

/// <summary>How much memory a training job may use. The choice changes time, never the adapter's bits. Immutable.</summary>
public sealed class TrainingMemory
{
    /// <summary>What activations and scratch take at most where no budget is given, unless the longest example by itself takes more.</summary>
    public const long DefaultWorkspaceBytes = 272L << 20;

    /// <summary>The bytes for activations, scratch, adapter, gradients and optimizer; the model's weights are not counted. Null for <see cref="DefaultWorkspaceBytes"/> and what the others take.</summary>
    public long? BudgetBytes { get; init; }

    /// <summary>Whether activations are kept from the forward or computed again in the backward.</summary>
    public ActivationPolicy Activations { get; init; }

    /// <summary>The budget of a job whose adapter, gradients and optimizer take so much.</summary>
    internal long Total(long fixedBytes) => BudgetBytes ?? (fixedBytes + DefaultWorkspaceBytes);
}

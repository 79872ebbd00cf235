using Personalize.Training.Privacy;

namespace Personalize.Training.Adapters;

/// <summary>Views of one pair in the flat vectors of a <see cref="TrainableAdapter"/>; valid as long as it.</summary>
internal sealed unsafe class TrainablePair
{
    public required int InputSize { get; init; }

    public required int OutputSize { get; init; }

    public required int Rank { get; init; }

    /// <summary>What the low-rank product is multiplied with.</summary>
    public required float Scale { get; init; }

    /// <summary><c>[rank, in]</c>.</summary>
    public required float* A { get; init; }

    /// <summary>B transposed, <c>[rank, out]</c>: the order in which every product of the forward and the backward reads it.</summary>
    public required float* TransposedB { get; init; }

    /// <summary>The gradient of <see cref="A"/>, <c>[rank, in]</c>.</summary>
    public required float* GradientA { get; init; }

    /// <summary>The gradient of <see cref="TransposedB"/>, <c>[rank, out]</c>.</summary>
    public required float* GradientTransposedB { get; init; }

    /// <summary>Whether there is a <see cref="Magnitude"/> (DoRA).</summary>
    public bool HasMagnitude => Magnitude is not null;

    /// <summary>The length that each row of the adapted weight is brought to, <c>[out]</c>; null without DoRA.</summary>
    public required float* Magnitude { get; init; }

    /// <summary>The gradient of <see cref="Magnitude"/>, <c>[out]</c>.</summary>
    public required float* GradientMagnitude { get; init; }

    /// <summary>The bias in place of the base's, <c>[out]</c>; null where that stays, or there is none.</summary>
    public required float* Bias { get; init; }

    /// <summary>The gradient of <see cref="Bias"/>, <c>[out]</c>.</summary>
    public required float* GradientBias { get; init; }

    /// <summary>Where each example's gradients of A and B go by themselves, in place of the vectors above; null where they are summed.</summary>
    public PerExampleGradients? PerExample { get; set; }
}

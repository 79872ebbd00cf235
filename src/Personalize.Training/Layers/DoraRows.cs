namespace Personalize.Training.Layers;

/// <summary>What DoRA knows of the rows of one adapted weight, all <c>[out]</c>; views of a <see cref="DoraState"/>, valid as long as it.</summary>
internal sealed unsafe class DoraRows
{
    /// <summary><c>||W_n||^2</c>.</summary>
    public required double* Squares { get; init; }

    /// <summary><c>||W_n + s B_n A||</c> with the parameters of the last refresh.</summary>
    public required float* Norms { get; init; }

    /// <summary>The magnitude over the norm: what an output is multiplied with before its bias.</summary>
    public required float* Factors { get; init; }
}

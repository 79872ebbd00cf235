namespace Personalize.Core.Errors;

/// <summary>In what a checkpoint differs from the run that was to go on from it. The numbers are stable.</summary>
public enum CheckpointMismatch
{
    /// <summary>It was made on another base model.</summary>
    OtherBase = 1,

    /// <summary>It was made by another recipe.</summary>
    OtherRecipe = 2,

    /// <summary>It has seen other examples, or another number of them.</summary>
    OtherData = 3,

    /// <summary>It holds another number of parameters.</summary>
    OtherShape = 4,

    /// <summary>It was made by a version of this software that sums in another order.</summary>
    OtherArithmetic = 5,
}

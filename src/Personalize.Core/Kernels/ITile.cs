namespace Personalize.Core.Kernels;

/// <summary>How many tokens or heads a kernel computes together, so that what they share is loaded once; a constant of a compiled kernel.</summary>
internal interface ITile
{
    /// <summary>From 1 to 8.</summary>
    static abstract int Count { get; }
}

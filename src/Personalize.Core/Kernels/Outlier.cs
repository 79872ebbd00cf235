namespace Personalize.Core.Kernels;

/// <summary>An activation that is too large to share a scale with its neighbours.</summary>
/// <param name="Column">Where it stands in its row.</param>
/// <param name="Value">What it is.</param>
internal readonly record struct Outlier(int Column, float Value);

using System.Runtime.InteropServices;

namespace Personalize.Inference.Merging;

/// <summary>How far a merge has come.</summary>
/// <param name="Fraction">From 0 to 1.</param>
/// <param name="GainKept">What the last evaluated choice keeps; null before the first.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct MergeProgress(double Fraction, double? GainKept);

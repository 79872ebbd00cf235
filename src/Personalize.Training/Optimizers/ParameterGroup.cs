using System.Runtime.InteropServices;

namespace Personalize.Training.Optimizers;

/// <summary>A run of parameters that are updated alike.</summary>
/// <param name="Start">The index of the first one.</param>
/// <param name="Length">How many there are.</param>
/// <param name="RateFactor">What the learning rate is multiplied with for them.</param>
/// <param name="Decays">Whether weight decay applies to them.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ParameterGroup(long Start, long Length, double RateFactor = 1, bool Decays = true);

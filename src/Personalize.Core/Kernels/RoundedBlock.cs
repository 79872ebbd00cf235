namespace Personalize.Core.Kernels;

/// <summary>A block of 32 rounded activations, as the scalar definition has it.</summary>
/// <param name="Scale">What one unit of <paramref name="Values"/> stands for: the largest of the values that are rounded, divided by 127.</param>
/// <param name="Values">From -127 to 127; 0 where there is an outlier.</param>
/// <param name="Outliers">The values that are kept as they are; 0 elsewhere.</param>
/// <param name="ScaledSum">The sum of what values and outliers stand for.</param>
internal sealed record RoundedBlock(float Scale, int[] Values, float[] Outliers, float ScaledSum);

using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>What rounding to a share of the largest value begins with.</summary>
internal static unsafe class Magnitudes
{
    /// <summary><c>max |x|</c>; not a number where a value is none.</summary>
    /// <param name="values">The values.</param>
    /// <param name="count">How many, a multiple of eight.</param>
    public static float Largest(float* values, int count)
    {
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < count; i += Vector256<float>.Count)
        {
            largest = Vector256.Max(largest, Vector256.Abs(Vector256.Load(values + i)));
        }

        var result = 0f;
        for (var lane = 0; lane < Vector256<float>.Count; lane++)
        {
            result = MathF.Max(result, largest[lane]);
        }

        return result;
    }
}

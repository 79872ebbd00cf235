using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>Adds one vector to another, <c>x += y</c>.</summary>
public static unsafe class VectorAdd
{
    /// <summary>Adds in place.</summary>
    /// <param name="x">The vector that is changed.</param>
    /// <param name="y">The vector that is added.</param>
    /// <param name="count">How many elements there are.</param>
    public static void InPlace(float* x, float* y, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            (Vector256.Load(x + i) + Vector256.Load(y + i)).Store(x + i);
        }

        for (; i < count; i++)
        {
            x[i] += y[i];
        }
    }
}

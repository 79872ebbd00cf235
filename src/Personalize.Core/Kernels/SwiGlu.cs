using System.Runtime.Intrinsics;

namespace Personalize.Core.Kernels;

/// <summary>The gated activation of the feed-forward block, <c>y = silu(gate) * up</c> with <c>silu(g) = g / (1 + exp(-g))</c> (arXiv 2002.05202).</summary>
public static unsafe class SwiGlu
{
    /// <summary>Applies the gate element by element; in place when y is gate or up.</summary>
    /// <param name="gate">The gate's elements.</param>
    /// <param name="up">The gated elements.</param>
    /// <param name="y">The result.</param>
    /// <param name="count">How many elements there are.</param>
    public static void Forward(float* gate, float* up, float* y, long count)
    {
        long i = 0;
        for (; InstructionSets.HasAvx512 && i + 16 <= count; i += 16)
        {
            var g = Vector512.Load(gate + i);
            (g / (Vector512<float>.One + VectorExp.Exp(-g)) * Vector512.Load(up + i)).Store(y + i);
        }

        for (; i + 8 <= count; i += 8)
        {
            var g = Vector256.Load(gate + i);
            (g / (Vector256<float>.One + VectorExp.Exp(-g)) * Vector256.Load(up + i)).Store(y + i);
        }

        for (; i < count; i++)
        {
            y[i] = Scalar(gate[i], up[i]);
        }
    }

    /// <summary>The definition.</summary>
    internal static float Scalar(float gate, float up) => gate / (1f + VectorExp.Exp(-gate)) * up;
}

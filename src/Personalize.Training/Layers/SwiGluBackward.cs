using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Training.Layers;

/// <summary>The gradient of <c>y = silu(gate) * up</c>, <c>silu(z) = z / (1 + exp(-z))</c> (SwiGLU, arXiv 2002.05202).</summary>
/// <remarks>With <c>s = 1 / (1 + exp(-gate))</c>: <c>dup = dy gate s</c>, <c>dgate = dy up s (1 + gate (1 - s))</c>. All operands <c>[tokens, intermediate]</c>.</remarks>
internal static unsafe class SwiGluBackward
{
    private const int TokensPerUnit = 4;

    /// <summary>Replaces gate by its gradient and up by its gradient: neither value is needed again.</summary>
    public static void Run(WorkerPool pool, float* gate, float* up, float* dy, int tokens, int size)
    {
        var work = new Work { Gate = gate, Up = up, Dy = dy, Size = size };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary>The definition.</summary>
    internal static void Scalar(float* gate, float* up, float* dy, long count)
    {
        for (var i = 0L; i < count; i++)
        {
            float g = gate[i], s = 1 / (1 + VectorExp.Exp(-g));
            gate[i] = dy[i] * up[i] * (s * (1 + (g * (1 - s))));
            up[i] = dy[i] * (g * s);
        }
    }

    /// <summary>The same, sixteen or eight at a time.</summary>
    internal static void Vector(float* gate, float* up, float* dy, long count)
    {
        var i = 0L;
        for (; InstructionSets.HasAvx512 && i + Vector512<float>.Count <= count; i += Vector512<float>.Count)
        {
            var g = Vector512.Load(gate + i);
            var gradient = Vector512.Load(dy + i);
            var s = Vector512<float>.One / (Vector512<float>.One + VectorExp.Exp(-g));
            (gradient * Vector512.Load(up + i) * (s * (Vector512<float>.One + (g * (Vector512<float>.One - s))))).Store(gate + i);
            (gradient * (g * s)).Store(up + i);
        }

        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            var g = Vector256.Load(gate + i);
            var gradient = Vector256.Load(dy + i);
            var s = Vector256<float>.One / (Vector256<float>.One + VectorExp.Exp(-g));
            (gradient * Vector256.Load(up + i) * (s * (Vector256<float>.One + (g * (Vector256<float>.One - s))))).Store(gate + i);
            (gradient * (g * s)).Store(up + i);
        }

        Scalar(gate + i, up + i, dy + i, count - i);
    }

    private struct Work : IParallelWork
    {
        public float* Gate;
        public float* Up;
        public float* Dy;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            // Token by token, so that the remainder of a row that fills no vector is the same wherever a unit begins.
            for (long token = start; token < end; token++)
            {
                Vector(Gate + (token * Size), Up + (token * Size), Dy + (token * Size), Size);
            }
        }
    }
}

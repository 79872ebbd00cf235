using Personalize.Core.Kernels;

namespace Personalize.Training.Layers;

/// <summary>DoRA's factor on each output: <c>y = g c + b</c> with <c>g = m / ||W + s B A||</c>, and its gradients with the norm held constant, as PEFT and section 4.3 of arXiv 2402.09353 have it.</summary>
/// <remarks><c>dc = g dy</c>, <c>dm_n = sum over tokens of dy_n c_n / norm_n</c>, added token by token in order. Shapes: c, y and their gradients <c>[tokens, size]</c>, the others <c>[size]</c>.</remarks>
internal static unsafe class RowRescale
{
    private const int TokensPerUnit = 8;
    private const int ColumnsPerUnit = 64;

    /// <summary>Replaces c by y.</summary>
    public static void Forward(WorkerPool pool, float* c, float* factors, float* bias, int tokens, int size)
    {
        var work = new ForwardWork { C = c, Factors = factors, Bias = bias, Size = size };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary>Replaces c by its gradient, and adds the gradient of the magnitude.</summary>
    public static void Backward(WorkerPool pool, float* c, float* dy, float* factors, float* norms, float* magnitudeGradient, int tokens, int size)
    {
        var work = new BackwardWork { C = c, Dy = dy, Factors = factors, Norms = norms, Gradient = magnitudeGradient, Tokens = tokens, Size = size };
        pool.Run(ref work, (size + ColumnsPerUnit - 1) / ColumnsPerUnit);
    }

    private struct ForwardWork : IParallelWork
    {
        public float* C;
        public float* Factors;
        public float* Bias;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            for (long token = start; token < end; token++)
            {
                var c = C + (token * Size);
                for (var i = 0; i < Size; i++)
                {
                    c[i] = MathF.FusedMultiplyAdd(c[i], Factors[i], Bias is null ? 0 : Bias[i]);
                }
            }
        }
    }

    private struct BackwardWork : IParallelWork
    {
        public float* C;
        public float* Dy;
        public float* Factors;
        public float* Norms;
        public float* Gradient;
        public int Tokens;
        public int Size;

        public readonly void Execute(int start, int end)
        {
            for (long token = 0; token < Tokens; token++)
            {
                float* c = C + (token * Size), dy = Dy + (token * Size);
                for (var i = start * ColumnsPerUnit; i < Math.Min(end * ColumnsPerUnit, Size); i++)
                {
                    Gradient[i] += dy[i] * c[i] / Norms[i];
                    c[i] = dy[i] * Factors[i];
                }
            }
        }
    }
}

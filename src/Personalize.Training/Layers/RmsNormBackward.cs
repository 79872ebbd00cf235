using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Training.Layers;

/// <summary>The gradient of <c>y = x * w / sqrt(mean(x^2) + epsilon)</c> (RMSNorm, arXiv 1910.07467) with respect to x, and with respect to w where that is trained.</summary>
/// <remarks>With <c>s = 1 / sqrt(mean(x^2) + epsilon)</c>: <c>dx_i += s w_i dy_i - x_i s^3 / n * sum over j of w_j dy_j x_j</c>; <c>dw_i = sum over tokens of s x_i dy_i</c>. Shapes: x, dy, dx <c>[tokens, size]</c>, w <c>[size]</c>.</remarks>
internal static unsafe class RmsNormBackward
{
    private const int TokensPerUnit = 8;

    /// <summary>Adds the gradient of x to <paramref name="dx"/>, which must not overlap <paramref name="dy"/>.</summary>
    public static void Run(WorkerPool pool, float* x, float* weight, float* dy, float* dx, int tokens, int size, float epsilon)
    {
        var work = new Work { X = x, Weight = weight, Dy = dy, Dx = dx, Size = size, Epsilon = epsilon };
        pool.Run(ref work, tokens, TokensPerUnit);
    }

    /// <summary>Adds the gradient of w to <paramref name="dw"/>, token by token in order, so that micro-batches give the same bits.</summary>
    public static void AddGain(WorkerPool pool, float* x, float* dy, float* dw, int tokens, int size, float epsilon)
    {
        // One thread: the sums over tokens stay in order, and this is little beside the products around it.
        var work = new GainWork { X = x, Dy = dy, Dw = dw, Tokens = tokens, Size = size, Epsilon = epsilon };
        pool.Run(ref work, 1);
    }

    /// <summary>The definition, for one token.</summary>
    internal static void Scalar(float* x, float* weight, float* dy, float* dx, int size, float epsilon)
    {
        double squares = 0, products = 0;
        for (var i = 0; i < size; i++)
        {
            squares += (double)x[i] * x[i];
            products += (double)(weight[i] * dy[i]) * x[i];
        }

        var s = 1 / Math.Sqrt((squares / size) + epsilon);
        var factor = (float)s;
        var pull = (float)(-s * s * s / size * products);
        for (var i = 0; i < size; i++)
        {
            dx[i] += MathF.FusedMultiplyAdd(pull, x[i], factor * (weight[i] * dy[i]));
        }
    }

    /// <summary>The same with vectors; the sums run in four lanes of double precision.</summary>
    internal static void Vector(float* x, float* weight, float* dy, float* dx, int size, float epsilon)
    {
        Vector256<double> squares = default, products = default;
        var i = 0;
        for (; i + Vector128<float>.Count <= size; i += Vector128<float>.Count)
        {
            var (lower, upper) = Vector128.Widen(Vector128.Load(x + i));
            var (scaledLower, scaledUpper) = Vector128.Widen(Vector128.Load(weight + i) * Vector128.Load(dy + i));
            var wide = Vector256.Create(lower, upper);
            squares = Vector256.FusedMultiplyAdd(wide, wide, squares);
            products = Vector256.FusedMultiplyAdd(wide, Vector256.Create(scaledLower, scaledUpper), products);
        }

        double sumOfSquares = Vector256.Sum(squares), sumOfProducts = Vector256.Sum(products);
        for (; i < size; i++)
        {
            sumOfSquares += (double)x[i] * x[i];
            sumOfProducts += (double)(weight[i] * dy[i]) * x[i];
        }

        var s = 1 / Math.Sqrt((sumOfSquares / size) + epsilon);
        var factor = Vector256.Create((float)s);
        var pull = Vector256.Create((float)(-s * s * s / size * sumOfProducts));
        for (i = 0; i + Vector256<float>.Count <= size; i += Vector256<float>.Count)
        {
            var own = factor * (Vector256.Load(weight + i) * Vector256.Load(dy + i));
            (Vector256.Load(dx + i) + Vector256.FusedMultiplyAdd(pull, Vector256.Load(x + i), own)).Store(dx + i);
        }

        for (; i < size; i++)
        {
            dx[i] += MathF.FusedMultiplyAdd(pull.ToScalar(), x[i], factor.ToScalar() * (weight[i] * dy[i]));
        }
    }

    private struct GainWork : IParallelWork
    {
        public float* X;
        public float* Dy;
        public float* Dw;
        public int Tokens;
        public int Size;
        public float Epsilon;

        public readonly void Execute(int start, int end)
        {
            for (long token = 0; token < Tokens; token++)
            {
                float* x = X + (token * Size), dy = Dy + (token * Size);
                var squares = Vector256<double>.Zero;
                var i = 0;
                for (; i + Vector128<float>.Count <= Size; i += Vector128<float>.Count)
                {
                    var (lower, upper) = Vector128.Widen(Vector128.Load(x + i));
                    var wide = Vector256.Create(lower, upper);
                    squares = Vector256.FusedMultiplyAdd(wide, wide, squares);
                }

                var sum = Vector256.Sum(squares);
                for (; i < Size; i++)
                {
                    sum += (double)x[i] * x[i];
                }

                var scale = (float)(1 / Math.Sqrt((sum / Size) + Epsilon));
                for (i = 0; i + Vector256<float>.Count <= Size; i += Vector256<float>.Count)
                {
                    Vector256.FusedMultiplyAdd(Vector256.Load(x + i) * Vector256.Create(scale), Vector256.Load(dy + i), Vector256.Load(Dw + i)).Store(Dw + i);
                }

                for (; i < Size; i++)
                {
                    Dw[i] = MathF.FusedMultiplyAdd(x[i] * scale, dy[i], Dw[i]);
                }
            }
        }
    }

    private struct Work : IParallelWork
    {
        public float* X;
        public float* Weight;
        public float* Dy;
        public float* Dx;
        public int Size;
        public float Epsilon;

        public readonly void Execute(int start, int end)
        {
            for (long token = start; token < end; token++)
            {
                var row = token * Size;
                Vector(X + row, Weight, Dy + row, Dx + row, Size, Epsilon);
            }
        }
    }
}

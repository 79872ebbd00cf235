using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;

namespace Personalize.Cli.Benchmarks;

/// <summary>Measures how many floating-point operations all threads together reach in a loop of fused multiply-adds on registers: the bound of training.</summary>
internal static unsafe class FmaPeak
{
    private const int Iterations = 20_000_000;
    private const int Passes = 5;
    private const int Accumulators = 12;

    /// <summary>Runs the loop a few times.</summary>
    /// <returns>Operations a second of the fastest pass; a fused multiply-add is two.</returns>
    public static double Measure(int threads)
    {
        using var pool = new WorkerPool(threads);
        var sums = stackalloc float[threads];
        var best = double.MaxValue;
        for (var pass = 0; pass < Passes; pass++)
        {
            var work = new Loop { Sums = sums };
            var start = Stopwatch.GetTimestamp();
            pool.Run(ref work, threads);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        var lanes = Vector512.IsHardwareAccelerated ? Vector512<float>.Count : Vector256<float>.Count;
        return 2.0 * Accumulators * lanes * Iterations * threads / best;
    }

    private struct Loop : IParallelWork
    {
        public float* Sums;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                Sums[unit] = Vector512.IsHardwareAccelerated ? Wide() : Narrow();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Narrow()
        {
            var x = Vector256.Create(0.999f);
            var y = Vector256.Create(0.001f);
            Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
            for (var n = 0; n < Iterations; n++)
            {
                a = Vector256.FusedMultiplyAdd(a, x, y);
                b = Vector256.FusedMultiplyAdd(b, x, y);
                c = Vector256.FusedMultiplyAdd(c, x, y);
                d = Vector256.FusedMultiplyAdd(d, x, y);
                e = Vector256.FusedMultiplyAdd(e, x, y);
                f = Vector256.FusedMultiplyAdd(f, x, y);
                g = Vector256.FusedMultiplyAdd(g, x, y);
                h = Vector256.FusedMultiplyAdd(h, x, y);
                i = Vector256.FusedMultiplyAdd(i, x, y);
                j = Vector256.FusedMultiplyAdd(j, x, y);
                k = Vector256.FusedMultiplyAdd(k, x, y);
                l = Vector256.FusedMultiplyAdd(l, x, y);
            }

            return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Wide()
        {
            var x = Vector512.Create(0.999f);
            var y = Vector512.Create(0.001f);
            Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
            for (var n = 0; n < Iterations; n++)
            {
                a = Vector512.FusedMultiplyAdd(a, x, y);
                b = Vector512.FusedMultiplyAdd(b, x, y);
                c = Vector512.FusedMultiplyAdd(c, x, y);
                d = Vector512.FusedMultiplyAdd(d, x, y);
                e = Vector512.FusedMultiplyAdd(e, x, y);
                f = Vector512.FusedMultiplyAdd(f, x, y);
                g = Vector512.FusedMultiplyAdd(g, x, y);
                h = Vector512.FusedMultiplyAdd(h, x, y);
                i = Vector512.FusedMultiplyAdd(i, x, y);
                j = Vector512.FusedMultiplyAdd(j, x, y);
                k = Vector512.FusedMultiplyAdd(k, x, y);
                l = Vector512.FusedMultiplyAdd(l, x, y);
            }

            return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
        }
    }
}

using System.Runtime.Intrinsics;
using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>The lengths of the rows of an adapted weight <c>W + s B A</c>, which DoRA (arXiv 2402.09353) divides by, without forming it.</summary>
/// <remarks>
/// <c>||W_n + s B_n A||^2 = ||W_n||^2 + 2 s B_n . (W A^T)_n + s^2 B_n (A A^T) B_n^T</c>: the first term once for a weight, the second as a product of W with as many tokens as the rank, the third in the small.
/// Sums run in double precision in a fixed order, so results do not depend on the number of threads.
/// </remarks>
public static unsafe class RowNorms
{
    private const int DepthPerTile = 256;

    /// <summary>The smallest squared length that is divided by: a row that an update cancels has no direction, and must not become NaN.</summary>
    private const double SmallestSquare = 1e-30;

    /// <summary>Computes <c>squares[n] = sum over k of W[n, k]^2</c>.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="weight">W, <c>[rows, columns]</c>.</param>
    /// <param name="squares">Receives the sums, <c>[rows]</c>.</param>
    public static void Squares(WorkerPool pool, PackedMatrix weight, double* squares)
    {
        var work = new SquaresWork { Weight = weight.View, Squares = squares };
        pool.Run(ref work, (weight.Rows + WeightPanel.Span - 1) / WeightPanel.Span);
    }

    /// <summary>Computes <c>norms[n] = ||W_n + s B_n A||</c>.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="weight">W, <c>[rows, columns]</c>.</param>
    /// <param name="squares">What <see cref="Squares"/> gave for W.</param>
    /// <param name="a">A, <c>[rank, columns]</c>.</param>
    /// <param name="transposedB">B transposed, <c>[rank, rows]</c>.</param>
    /// <param name="rank">The rank.</param>
    /// <param name="scale">s.</param>
    /// <param name="product">Scratch, <c>[rank, rows]</c>.</param>
    /// <param name="norms">Receives the lengths, <c>[rows]</c>, all above 0.</param>
    public static void Adapted(WorkerPool pool, PackedMatrix weight, double* squares, float* a, float* transposedB, int rank, float scale, float* product, float* norms)
    {
        FloatMatrixMultiply.Forward(pool, weight, a, rank, product);
        var gram = stackalloc double[Math.Min(rank * rank, 4096)];
        using var large = rank * rank > 4096 ? new NativeBuffer<double>((long)rank * rank) : null;
        gram = large is null ? gram : large.Pointer;
        var columns = weight.Columns;
        for (var i = 0; i < rank; i++)
        {
            for (var j = 0; j <= i; j++)
            {
                var sum = Dot(a + ((long)i * columns), a + ((long)j * columns), columns);
                gram[(i * rank) + j] = sum;
                gram[(j * rank) + i] = sum;
            }
        }

        var work = new AdaptedWork { Squares = squares, Product = product, TransposedB = transposedB, Gram = gram, Norms = norms, Rows = weight.Rows, Rank = rank, Scale = scale };
        pool.Run(ref work, weight.Rows, grain: 64);
    }

    private static double Dot(float* x, float* y, int length)
    {
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        var i = 0;
        for (; i + 4 <= length; i += 4)
        {
            s0 += (double)x[i] * y[i];
            s1 += (double)x[i + 1] * y[i + 1];
            s2 += (double)x[i + 2] * y[i + 2];
            s3 += (double)x[i + 3] * y[i + 3];
        }

        for (; i < length; i++)
        {
            s0 += (double)x[i] * y[i];
        }

        return s0 + s1 + (s2 + s3);
    }

    private struct SquaresWork : IParallelWork
    {
        public MatrixView Weight;
        public double* Squares;

        public readonly void Execute(int start, int end)
        {
            var panel = KernelScratch.Floats(DepthPerTile * WeightPanel.Span);
            var sums = stackalloc double[WeightPanel.Span];
            for (var unit = start; unit < end; unit++)
            {
                var row = unit * WeightPanel.Span;
                new Span<double>(sums, WeightPanel.Span).Clear();
                for (var column = 0; column < Weight.Columns; column += DepthPerTile)
                {
                    var depth = Math.Min(DepthPerTile, Weight.Columns - column);
                    WeightPanel.DecodeColumns(Weight, row, column, depth, panel, depth);
                    for (var half = 0; half < WeightPanel.Span; half += WeightPanel.Width)
                    {
                        Add(panel + (half * depth), depth, sums + half);
                    }
                }

                for (var r = row; r < Math.Min(row + WeightPanel.Span, Weight.Rows); r++)
                {
                    Squares[r] = sums[r - row];
                }
            }
        }

        private static void Add(float* panel, int depth, double* sums)
        {
            for (var r = 0; r < WeightPanel.Width; r += Vector256<float>.Count)
            {
                var (low, high) = (Vector256.Load(sums + r), Vector256.Load(sums + r + Vector256<double>.Count));
                for (var k = 0; k < depth; k++)
                {
                    var (lower, upper) = Vector256.Widen(Vector256.Load(panel + (k * WeightPanel.Width) + r));
                    low = Vector256.FusedMultiplyAdd(lower, lower, low);
                    high = Vector256.FusedMultiplyAdd(upper, upper, high);
                }

                low.Store(sums + r);
                high.Store(sums + r + Vector256<double>.Count);
            }
        }
    }

    private struct AdaptedWork : IParallelWork
    {
        public double* Squares;
        public float* Product;
        public float* TransposedB;
        public double* Gram;
        public float* Norms;
        public int Rows;
        public int Rank;
        public double Scale;

        public readonly void Execute(int start, int end)
        {
            for (var n = start; n < end; n++)
            {
                double cross = 0, update = 0;
                for (var i = 0; i < Rank; i++)
                {
                    double b = TransposedB[((long)i * Rows) + n], inner = 0;
                    cross += b * Product[((long)i * Rows) + n];
                    for (var j = 0; j < Rank; j++)
                    {
                        inner += Gram[(i * Rank) + j] * TransposedB[((long)j * Rows) + n];
                    }

                    update += b * inner;
                }

                Norms[n] = (float)Math.Sqrt(Math.Max(SmallestSquare, Squares[n] + (2 * Scale * cross) + (Scale * Scale * update)));
            }
        }
    }
}

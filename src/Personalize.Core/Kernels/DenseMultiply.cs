namespace Personalize.Core.Kernels;

/// <summary>Products of unquantized matrices: the low-rank halves of an adapter and their gradients, the gradients of whole weights, an optimizer's.</summary>
public static unsafe class DenseMultiply
{
    private const int RowsPerUnit = 24;
    private const int ColumnsPerUnit = 96;

    /// <summary><c>C[m, n] (+)= sum over d of A(m, d) B[d, n]</c>, where <c>A(m, d) = a[m * aRowStride + d * aDepthStride]</c>.</summary>
    /// <param name="pool">The threads; the result does not depend on how many there are.</param>
    /// <param name="a">The first factor; its strides say whether it is read transposed.</param>
    /// <param name="aRowStride">Elements from one row of A to the next.</param>
    /// <param name="aDepthStride">Elements from one summed index of A to the next.</param>
    /// <param name="b">The second factor <c>[depth, n]</c>.</param>
    /// <param name="ldb">Elements from one row of B to the next.</param>
    /// <param name="c">The result <c>[m, n]</c>; must not overlap A or B.</param>
    /// <param name="ldc">Elements from one row of C to the next.</param>
    /// <param name="m">Rows of the result.</param>
    /// <param name="n">Columns of the result.</param>
    /// <param name="depth">How many products are summed, in order.</param>
    /// <param name="accumulate">Add to what C holds in place of overwriting it.</param>
    public static void Run(WorkerPool pool, float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        if (PackedMultiply.Takes(aRowStride, aDepthStride, m, n, depth))
        {
            PackedMultiply.Run(pool, a, aRowStride, aDepthStride, b, ldb, c, ldc, m, n, depth, accumulate);
            return;
        }

        var columnUnits = (n + ColumnsPerUnit - 1) / ColumnsPerUnit;
        var rowUnits = (m + RowsPerUnit - 1) / RowsPerUnit;
        var work = new Work
        {
            A = a,
            ARowStride = aRowStride,
            ADepthStride = aDepthStride,
            B = b,
            Ldb = ldb,
            C = c,
            Ldc = ldc,
            M = m,
            N = n,
            Depth = depth,
            Accumulate = accumulate,
            ColumnUnits = columnUnits,
        };
        pool.Run(ref work, rowUnits * columnUnits);
    }

    /// <summary>The same on the calling thread alone, for a block inside a unit of parallel work.</summary>
    /// <param name="a">The first factor; its strides say whether it is read transposed.</param>
    /// <param name="aRowStride">Elements from one row of A to the next.</param>
    /// <param name="aDepthStride">Elements from one summed index of A to the next.</param>
    /// <param name="b">The second factor <c>[depth, n]</c>.</param>
    /// <param name="ldb">Elements from one row of B to the next.</param>
    /// <param name="c">The result <c>[m, n]</c>; must not overlap A or B.</param>
    /// <param name="ldc">Elements from one row of C to the next.</param>
    /// <param name="m">Rows of the result.</param>
    /// <param name="n">Columns of the result.</param>
    /// <param name="depth">How many products are summed, in order.</param>
    /// <param name="accumulate">Add to what C holds in place of overwriting it.</param>
    public static void RunBlock(float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate) =>
        GemmTile.Run(a, aRowStride, aDepthStride, b, ldb, c, ldc, m, n, depth, accumulate);

    private struct Work : IParallelWork
    {
        public float* A;
        public float* B;
        public float* C;
        public long ARowStride;
        public long ADepthStride;
        public long Ldb;
        public long Ldc;
        public int M;
        public int N;
        public int Depth;
        public int ColumnUnits;
        public bool Accumulate;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                var row = unit / ColumnUnits * RowsPerUnit;
                var column = unit % ColumnUnits * ColumnsPerUnit;
                GemmTile.Run(
                    A + (row * ARowStride),
                    ARowStride,
                    ADepthStride,
                    B + column,
                    Ldb,
                    C + (row * Ldc) + column,
                    Ldc,
                    Math.Min(RowsPerUnit, M - row),
                    Math.Min(ColumnsPerUnit, N - column),
                    Depth,
                    Accumulate);
            }
        }
    }
}

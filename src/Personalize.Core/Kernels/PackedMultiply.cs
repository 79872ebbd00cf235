namespace Personalize.Core.Kernels;

/// <summary>Products of two unquantized matrices that are large in every direction, as the gradient of a linear map's own weight is: both factors are laid out first in the order in which <see cref="PanelProduct"/> reads them.</summary>
/// <remarks>
/// The summed index is cut into blocks by its own length alone, as in <see cref="FloatMatrixMultiply"/>; a block is summed in order from zero and added to the blocks before it. So the result does not depend on the number of threads.
/// A tile that reads its factors in place touches a cache line for every product of 16 columns, and lines that lie a row apart share few sets of the cache: laid out, the same tile is about three times as fast.
/// </remarks>
internal static unsafe class PackedMultiply
{
    /// <summary>Below so many rows, columns or summed indices laying out costs more than it saves.</summary>
    private const int Smallest = 32;

    /// <summary>The most rows of A that are laid out together.</summary>
    private const int RowsTogether = 384;

    /// <summary>Whether a product is computed here; depends on its shape alone.</summary>
    public static bool Takes(long aRowStride, long aDepthStride, int m, int n, int depth) =>
        m >= Smallest && n >= Smallest && depth >= Smallest && (aRowStride == 1 || aDepthStride == 1);

    /// <summary><c>C[m, n] (+)= sum over d of A(m, d) B[d, n]</c>, as <see cref="DenseMultiply.Run"/> defines it; one of A's strides is 1.</summary>
    public static void Run(WorkerPool pool, float* a, long aRowStride, long aDepthStride, float* b, long ldb, float* c, long ldc, int m, int n, int depth, bool accumulate)
    {
        var blocks = (depth + FloatMatrixMultiply.LongestBlock - 1) / FloatMatrixMultiply.LongestBlock;
        var block = (depth + blocks - 1) / blocks;
        var work = new Work { ARowStride = aRowStride, ADepthStride = aDepthStride, Ldb = ldb, Ldc = ldc, Columns = n };
        work.Packed = KernelScratch.Shared((long)PackedTokens.PanelCount(Math.Min(m, RowsTogether)) * PackedTokens.Height * block);
        for (var row = 0; row < m; row += RowsTogether)
        {
            work.Rows = Math.Min(RowsTogether, m - row);
            work.C = c + (row * ldc);
            for (var at = 0; at < depth; at += block)
            {
                work.Depth = Math.Min(block, depth - at);
                work.A = a + (row * aRowStride) + (at * aDepthStride);
                work.B = b + (at * ldb);
                work.Accumulate = accumulate || at > 0;
                var pack = new PackWork { Work = work };
                pool.Run(ref pack, PackedTokens.PanelCount(work.Rows), grain: 4);
                pool.Run(ref work, (n + WeightPanel.Span - 1) / WeightPanel.Span);
            }
        }
    }

    private struct PackWork : IParallelWork
    {
        public Work Work;

        public readonly void Execute(int start, int end)
        {
            for (var panel = start; panel < end; panel++)
            {
                var row = panel * PackedTokens.Height;
                var rows = Math.Min(PackedTokens.Height, Work.Rows - row);
                var source = Work.A + (row * Work.ARowStride);
                var target = Work.Packed + ((long)panel * Work.Depth * PackedTokens.Height);
                if (Work.ADepthStride == 1)
                {
                    PackedTokens.Pack(source, Work.ARowStride, rows, Work.Depth, target);
                }
                else
                {
                    PackedTokens.PackColumns(source, Work.ADepthStride, rows, Work.Depth, target);
                }
            }
        }
    }

    private struct Work : IParallelWork
    {
        public float* A;
        public float* B;
        public float* C;
        public float* Packed;
        public long ARowStride;
        public long ADepthStride;
        public long Ldb;
        public long Ldc;
        public int Rows;
        public int Columns;
        public int Depth;
        public bool Accumulate;

        public readonly void Execute(int start, int end)
        {
            var panels = KernelScratch.Floats(Depth * WeightPanel.Span);
            for (var unit = start; unit < end; unit++)
            {
                var column = unit * WeightPanel.Span;
                var width = Math.Min(WeightPanel.Span, Columns - column);
                for (var half = 0; half < width; half += WeightPanel.Width)
                {
                    LayOut(B + column + half, Math.Min(WeightPanel.Width, width - half), panels + (half * Depth));
                }

                PanelProduct.Run(Packed, panels, C + column, Ldc, Rows, width, Depth, Accumulate);
            }
        }

        private readonly void LayOut(float* from, int count, float* panel)
        {
            for (var d = 0; d < Depth; d++, from += Ldb, panel += WeightPanel.Width)
            {
                var line = new Span<float>(panel, WeightPanel.Width);
                new ReadOnlySpan<float>(from, count).CopyTo(line);
                line[count..].Clear();
            }
        }
    }
}

using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// A linear map over a frozen packed weight W in exact single-precision arithmetic, and its transpose. Tiles of W are decoded, used for all tokens and dropped; W is never decoded as a whole.
/// </summary>
/// <remarks>Each element is summed in index order by one thread, so results depend neither on the number of threads nor on how many tokens are computed together.</remarks>
public static unsafe class FloatMatrixMultiply
{
    /// <summary>How many summed indices a decoded tile spans: a panel of 16 x 256 floats takes half of a core's first-level cache and stays there for all tokens.</summary>
    private const int DepthPerTile = 256;

    /// <summary><c>y[tokens, rows] = x[tokens, columns] W^T</c>.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="weight">W, <c>[rows, columns]</c>.</param>
    /// <param name="x">The input, contiguous rows.</param>
    /// <param name="tokens">How many rows x has.</param>
    /// <param name="y">The result, contiguous rows; must not overlap x.</param>
    public static void Forward(WorkerPool pool, PackedMatrix weight, float* x, int tokens, float* y)
    {
        var work = new ForwardWork { Weight = weight.View, X = x, Y = y, Tokens = tokens };
        pool.Run(ref work, (weight.Rows + WeightPanel.Span - 1) / WeightPanel.Span);
    }

    /// <summary><c>dx[tokens, columns] (+)= dy[tokens, rows] W</c>: the gradient of <see cref="Forward"/> with respect to its input.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="weight">W, <c>[rows, columns]</c>.</param>
    /// <param name="dy">The gradient of the result, contiguous rows.</param>
    /// <param name="tokens">How many rows dy has.</param>
    /// <param name="dx">The gradient of the input, contiguous rows; must not overlap dy.</param>
    /// <param name="accumulate">Add to what dx holds in place of overwriting it.</param>
    public static void BackwardInput(WorkerPool pool, PackedMatrix weight, float* dy, int tokens, float* dx, bool accumulate)
    {
        var work = new BackwardWork { Weight = weight.View, Dy = dy, Dx = dx, Tokens = tokens, Accumulate = accumulate };
        pool.Run(ref work, (weight.Columns + WeightPanel.Span - 1) / WeightPanel.Span);
    }

    private struct ForwardWork : IParallelWork
    {
        public MatrixView Weight;
        public float* X;
        public float* Y;
        public int Tokens;

        public readonly void Execute(int start, int end)
        {
            var panel = KernelScratch.Floats(DepthPerTile * WeightPanel.Span);
            for (var unit = start; unit < end; unit++)
            {
                var row = unit * WeightPanel.Span;
                for (var column = 0; column < Weight.Columns; column += DepthPerTile)
                {
                    var depth = Math.Min(DepthPerTile, Weight.Columns - column);
                    WeightPanel.DecodeColumns(Weight, row, column, depth, panel);
                    for (var r = row; r < Math.Min(row + WeightPanel.Span, Weight.Rows); r += WeightPanel.Width)
                    {
                        var lines = panel + ((r - row) * depth);
                        GemmTile.Run(X + column, Weight.Columns, 1, lines, WeightPanel.Width, Y + r, Weight.Rows, Tokens, Math.Min(WeightPanel.Width, Weight.Rows - r), depth, accumulate: column > 0);
                    }
                }
            }
        }
    }

    private struct BackwardWork : IParallelWork
    {
        public MatrixView Weight;
        public float* Dy;
        public float* Dx;
        public int Tokens;
        public bool Accumulate;

        public readonly void Execute(int start, int end)
        {
            // Past the first tile a sum starts anew and is added as a whole: over a vocabulary, one running sum would lose the small gradients against its own size.
            var panel = KernelScratch.Floats((DepthPerTile * WeightPanel.Span) + (Tokens * WeightPanel.Width));
            var sums = panel + (DepthPerTile * WeightPanel.Span);
            for (var unit = start; unit < end; unit++)
            {
                var column = unit * WeightPanel.Span;
                for (var row = 0; row < Weight.Rows; row += DepthPerTile)
                {
                    var depth = Math.Min(DepthPerTile, Weight.Rows - row);
                    WeightPanel.DecodeRows(Weight, row, depth, column, panel);
                    for (var k = column; k < Math.Min(column + WeightPanel.Span, Weight.Columns); k += WeightPanel.Width)
                    {
                        var lines = panel + ((k - column) * depth);
                        var width = Math.Min(WeightPanel.Width, Weight.Columns - k);
                        if (row == 0)
                        {
                            GemmTile.Run(Dy, Weight.Rows, 1, lines, WeightPanel.Width, Dx + k, Weight.Columns, Tokens, width, depth, Accumulate);
                            continue;
                        }

                        GemmTile.Run(Dy + row, Weight.Rows, 1, lines, WeightPanel.Width, sums, WeightPanel.Width, Tokens, width, depth, accumulate: false);
                        for (var token = 0; token < Tokens; token++)
                        {
                            var target = Dx + ((long)token * Weight.Columns) + k;
                            VectorAdd.InPlace(target, sums + (token * WeightPanel.Width), width);
                        }
                    }
                }
            }
        }
    }
}

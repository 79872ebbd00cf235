using Personalize.Core.Quantization;

namespace Personalize.Core.Kernels;

/// <summary>
/// A linear map over a frozen packed weight W in exact single-precision arithmetic, and its transpose. Tiles of W are decoded, used for all tokens and dropped; W is never decoded as a whole.
/// </summary>
/// <remarks>
/// The summed index is cut into blocks by its own length alone; a block is summed in order by one thread and added to the blocks before it. So results depend neither on the number of threads nor on how many tokens are computed together,
/// and a long sum, as over a vocabulary, does not lose its small terms against its own size.
/// What stays where (Goto and van de Geijn, ACM TOMS 34, 2008): a panel of decoded weights in the first-level cache, the packed tokens of a block in the second.
/// </remarks>
public static unsafe class FloatMatrixMultiply
{
    /// <summary>The most summed indices of a block: a panel of 16 columns takes 18 of a first-level cache's 32 KB, and six tokens seven.</summary>
    internal const int LongestBlock = 288;

    /// <summary>The most tokens that use a decoded tile: a block of them, 440 KB, is about what a second-level cache holds, and past it each costs the little that the next level takes.</summary>
    private const int TokensTogether = 384;

    /// <summary>The most tiles beside each other that a block of tokens passes before the next block comes: where the sum is long the blocks together are more than a second-level cache holds, and so is a result that is too wide.</summary>
    private const int SpansTogether = 6;

    /// <summary>Summed indices that are packed before they are multiplied.</summary>
    private const int PackedDepth = 2048;

    /// <summary><c>y[tokens, rows] = x[tokens, columns] W^T</c>.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="weight">W, <c>[rows, columns]</c>.</param>
    /// <param name="x">The input, contiguous rows.</param>
    /// <param name="tokens">How many rows x has.</param>
    /// <param name="y">The result, contiguous rows; must not overlap x.</param>
    /// <param name="addend">A low-rank product <c>[tokens, rows]</c> that is added.</param>
    public static void Forward(WorkerPool pool, PackedMatrix weight, float* x, int tokens, float* y, LowRankAddend addend = default)
    {
        var product = new ProductWork { Weight = weight.View, Depth = weight.Columns, Width = weight.Rows, Addend = addend };
        Run(pool, product, x, tokens, y);
    }

    /// <summary><c>dx[tokens, columns] (+)= dy[tokens, rows] W</c>: the gradient of <see cref="Forward"/> with respect to its input.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="weight">W, <c>[rows, columns]</c>.</param>
    /// <param name="dy">The gradient of the result, contiguous rows.</param>
    /// <param name="tokens">How many rows dy has.</param>
    /// <param name="dx">The gradient of the input, contiguous rows; must not overlap dy.</param>
    /// <param name="accumulate">Add to what dx holds in place of overwriting it.</param>
    /// <param name="addend">A low-rank product <c>[tokens, columns]</c> that is added.</param>
    public static void BackwardInput(WorkerPool pool, PackedMatrix weight, float* dy, int tokens, float* dx, bool accumulate, LowRankAddend addend = default)
    {
        var product = new ProductWork { Weight = weight.View, Depth = weight.Rows, Width = weight.Columns, Addend = addend, IsTransposed = true, Accumulate = accumulate };
        Run(pool, product, dy, tokens, dx);
    }

    private static void Run(WorkerPool pool, ProductWork product, float* x, int tokens, float* y)
    {
        var blocks = (product.Depth + LongestBlock - 1) / LongestBlock;
        var block = (((product.Depth + blocks - 1) / blocks) + PackedMatrix.ColumnsPerBlock - 1) / PackedMatrix.ColumnsPerBlock * PackedMatrix.ColumnsPerBlock;
        var atOnce = Math.Max(1, PackedDepth / block) * block;
        product.Block = block;
        var parts = (tokens + TokensTogether - 1) / TokensTogether;
        var part = tokens == 0 ? 0 : PackedTokens.PanelCount((tokens + parts - 1) / parts) * PackedTokens.Height;
        product.Packed = KernelScratch.Shared((long)part * (Math.Min(atOnce, product.Depth) + product.Addend.Rank));
        var accumulate = product.Accumulate;
        for (var first = 0; first < tokens; first += part)
        {
            product.Tokens = Math.Min(part, tokens - first);
            product.X = x + ((long)first * product.Depth);
            product.Y = y + ((long)first * product.Width);
            product.Left = (float*)product.Addend.Left + ((long)first * product.Addend.Rank);
            for (var start = 0; start < product.Depth; start += atOnce)
            {
                product.Start = start;
                product.End = Math.Min(start + atOnce, product.Depth);
                product.Accumulate = accumulate || start > 0;
                var pack = new PackWork { Product = product };
                pool.Run(ref pack, PackedTokens.PanelCount(product.Tokens), grain: 4);
                pool.RunGuided(ref product, (product.Width + WeightPanel.Span - 1) / WeightPanel.Span);
            }
        }
    }

    /// <summary>Packs the tokens' part of one run of blocks: <c>[block, panel, depth, 6]</c>, the low-rank factor at the end of the last block.</summary>
    private struct PackWork : IParallelWork
    {
        public ProductWork Product;

        public readonly void Execute(int start, int end)
        {
            for (var panel = start; panel < end; panel++)
            {
                var token = panel * PackedTokens.Height;
                var rows = Math.Min(PackedTokens.Height, Product.Tokens - token);
                for (var at = Product.Start; at < Product.End; at += Product.Block)
                {
                    var depth = Math.Min(Product.Block, Product.End - at);
                    var lines = Product.Lines(at);
                    var target = Product.PackedBlock(at) + ((long)panel * lines * PackedTokens.Height);
                    PackedTokens.Pack(Product.X + ((long)token * Product.Depth) + at, Product.Depth, rows, depth, target);
                    if (lines > depth)
                    {
                        PackedTokens.Pack(Product.Left + ((long)token * Product.Addend.Rank), Product.Addend.Rank, rows, Product.Addend.Rank, target + (depth * PackedTokens.Height));
                    }
                }
            }
        }
    }

    private struct ProductWork : IParallelWork
    {
        public MatrixView Weight;
        public LowRankAddend Addend;
        public float* X;
        public float* Y;
        public float* Left;
        public float* Packed;
        public int Depth;
        public int Width;
        public int Tokens;
        public int Block;
        public int Start;
        public int End;
        public bool IsTransposed;
        public bool Accumulate;

        /// <summary>How many indices the tiles of a block sum, the low rank included.</summary>
        public readonly int Lines(int at) => at + Block >= Depth ? Depth - at + Addend.Rank : Block;

        public readonly float* PackedBlock(int at) => Packed + ((long)(at - Start) * PackedTokens.PanelCount(Tokens) * PackedTokens.Height);

        public readonly void Execute(int start, int end)
        {
            var panels = KernelScratch.Floats((Block + Addend.Rank) * WeightPanel.Span);
            for (var first = start; first < end; first += SpansTogether)
            {
                for (var at = Start; at < End; at += Block)
                {
                    var lines = Lines(at);
                    for (var span = first; span < Math.Min(first + SpansTogether, end); span++)
                    {
                        var column = span * WeightPanel.Span;
                        Decode(at, column, lines, panels);
                        PanelProduct.Run(PackedBlock(at), panels, Y + column, Width, Tokens, Math.Min(WeightPanel.Span, Width - column), lines, Accumulate || at > Start);
                    }
                }
            }
        }

        private readonly void Decode(int at, int column, int lines, float* panels)
        {
            var depth = Math.Min(Block, Depth - at);
            if (IsTransposed)
            {
                WeightPanel.DecodeRows(Weight, at, depth, column, panels, lines);
            }
            else
            {
                WeightPanel.DecodeColumns(Weight, column, at, depth, panels, lines);
            }

            for (var line = depth; line < lines; line++)
            {
                var from = (float*)Addend.Right + ((long)(line - depth) * Width) + column;
                for (var half = 0; half < WeightPanel.Span; half += WeightPanel.Width)
                {
                    var count = Math.Clamp(Width - column - half, 0, WeightPanel.Width);
                    var target = new Span<float>(panels + (half * lines) + (line * WeightPanel.Width), WeightPanel.Width);
                    new ReadOnlySpan<float>(from + half, count).CopyTo(target);
                    target[count..].Clear();
                }
            }
        }
    }
}

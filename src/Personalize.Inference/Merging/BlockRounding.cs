using Personalize.Core.Kernels;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>
/// Rounds a matrix to a 4-bit type, block of 32 columns after block. With error feedback (GPTQ, arXiv 2210.17323) what rounding takes from a column is given to the later columns in proportion to how their inputs go together:
/// <c>e = (w_j - level) / U_jj; w_k -= e U_jk for k &gt; j</c>. An update far below half a step thus adds up until some level moves, in place of vanishing.
/// </summary>
/// <remarks>The result depends on neither the number of threads nor their order: rows are independent and a block's spread is one product with a fixed order of sums.</remarks>
internal static unsafe class BlockRounding
{
    private const int Block = BlockGrid.Elements;

    /// <summary>Rounds.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="type">Q4_0 or Q4_1.</param>
    /// <param name="values">The exact values <c>[rows, columns]</c>; destroyed where there is feedback.</param>
    /// <param name="rows">The size of the output.</param>
    /// <param name="columns">The size of the input, whole blocks.</param>
    /// <param name="factor">U of <see cref="InverseFactor"/>, <c>[columns, columns]</c>, or null for no feedback.</param>
    /// <param name="weights">How much a squared error in a column counts where there is no feedback, <c>[columns]</c>.</param>
    /// <param name="destination">Receives the rows as a file stores them.</param>
    public static void Round(WorkerPool pool, GgmlType type, float* values, int rows, int columns, float* factor, ReadOnlySpan<float> weights, byte[] destination)
    {
        var blockBytes = BlockFormat.Of(type).ByteCount;
        var rowBytes = columns / Block * blockBytes;
        using var spread = new NativeBuffer<float>((long)rows * Block);
        using var columnWeights = new NativeBuffer<float>(columns);
        for (var j = 0; j < columns; j++)
        {
            columnWeights.Pointer[j] = factor is null ? weights[j] : 1 / (factor[((long)j * columns) + j] * factor[((long)j * columns) + j]);
        }

        fixed (byte* bytes = destination)
        {
            for (var first = 0; first < columns; first += Block)
            {
                var work = new BlockWork
                {
                    Type = type,
                    Values = values + first,
                    Columns = columns,
                    Factor = factor is null ? null : factor + ((long)first * columns) + first,
                    Weights = columnWeights.Pointer + first,
                    Spread = spread.Pointer,
                    Bytes = bytes + (first / Block * blockBytes),
                    BlockBytes = blockBytes,
                    RowBytes = rowBytes,
                };
                pool.Run(ref work, rows, grain: 16);

                var rest = columns - first - Block;
                if (factor is not null && rest > 0)
                {
                    DenseMultiply.Run(
                        pool, spread.Pointer, Block, 1, factor + ((long)first * columns) + first + Block, columns, values + first + Block, columns, rows, rest, Block, accumulate: true);
                }
            }
        }
    }

    private struct BlockWork : IParallelWork
    {
        public GgmlType Type;
        public float* Values;
        public float* Factor;
        public float* Weights;
        public float* Spread;
        public byte* Bytes;
        public int Columns;
        public int BlockBytes;
        public long RowBytes;

        public readonly void Execute(int start, int end)
        {
            Span<byte> levels = stackalloc byte[Block];
            for (var row = start; row < end; row++)
            {
                var values = Values + ((long)row * Columns);
                var weights = new ReadOnlySpan<float>(Weights, Block);
                var grid = BlockGrid.Fit(Type, new ReadOnlySpan<float>(values, Block), weights);
                var spread = Spread + ((long)row * Block);
                for (var j = 0; j < Block; j++)
                {
                    var level = grid.LevelOf(values[j]);
                    levels[j] = (byte)level;
                    if (Factor is not null)
                    {
                        var u = Factor + ((long)j * Columns);
                        var error = (values[j] - grid.ValueOf(level)) / u[j];
                        spread[j] = -error;
                        for (var k = j + 1; k < Block; k++)
                        {
                            values[k] -= error * u[k];
                        }
                    }
                }

                grid.Write(Type, levels, new Span<byte>(Bytes + (row * RowBytes), BlockBytes));
            }
        }
    }
}

using Personalize.Core.Kernels;
using Personalize.Training.Data;

namespace Personalize.Training.Layers;

/// <summary>
/// Causal grouped-query attention over packed examples, and its gradient: <c>o_i = sum over j &lt;= i of p_ij v_j</c>, <c>p_i = softmax(q_i k_j / sqrt(headDim))</c>,
/// i and j in the same example.
/// </summary>
/// <remarks>
/// Block by block: at any time a thread holds the scores of <see cref="RowsPerBlock"/> rows of one head, left of the diagonal, and everything is a product of small matrices. The forward keeps the logarithm of each row's sum,
/// from which the backward recomputes the probabilities (FlashAttention, arXiv 2205.14135).
/// Both are divided by (example, head); the gradients of keys and values are formed for each head and then added up in the order of the heads, so that every sum has one order whatever the number of threads.
/// Shapes: q, o <c>[tokens, heads, headDim]</c>; k, v <c>[tokens, keyValueHeads, headDim]</c>; logSumExp <c>[tokens, heads]</c>.
/// </remarks>
internal static unsafe partial class CausalAttention
{
    /// <summary>Rows of a block: four tiles of six, and enough to pay for fetching the keys' and values' gradients that a block is added to.</summary>
    private const int RowsPerBlock = 24;

    /// <summary>Keys side by side in a panel.</summary>
    private const int PanelWidth = 16;

    /// <summary>Floats of scratch for so many tokens in so many examples of at most <paramref name="longestExample"/>.</summary>
    public static long ScratchLength(AttentionShape shape, int tokens, int examples, int longestExample) =>
        (2 * PanelsLength(shape, tokens, examples)) + (2L * tokens * shape.QuerySize) + ((long)examples * shape.Heads * BlockLength(longestExample));

    /// <summary>Computes o and logSumExp.</summary>
    public static void Forward(WorkerPool pool, AttentionShape shape, ExampleTable examples, int tokens, float* q, float* k, float* v, float* output, float* logSumExp, float* scratch)
    {
        var panels = new PanelWork { Shape = shape, Examples = examples, Source = k, Target = scratch };
        pool.Run(ref panels, examples.Count * shape.KeyValueHeads);
        var blocks = scratch + (2 * PanelsLength(shape, tokens, examples.Count)) + (2L * tokens * shape.QuerySize);
        var work = new ForwardWork { Shape = shape, Examples = examples, Q = q, KeyPanels = scratch, V = v, Output = output, LogSumExp = logSumExp, Blocks = blocks };
        pool.Run(ref work, examples.Count * shape.Heads);
    }

    /// <summary>Computes dq, dk and dv (overwritten) from the gradient of the output.</summary>
    public static void Backward(
        WorkerPool pool, AttentionShape shape, ExampleTable examples, int tokens, float* q, float* k, float* v, float* output, float* logSumExp, float* dOutput, float* dq, float* dk, float* dv, float* scratch)
    {
        var length = PanelsLength(shape, tokens, examples.Count);
        var panels = new PanelWork { Shape = shape, Examples = examples, Source = k, Target = scratch };
        pool.Run(ref panels, examples.Count * shape.KeyValueHeads);
        panels = panels with { Source = v, Target = scratch + length };
        pool.Run(ref panels, examples.Count * shape.KeyValueHeads);
        var work = new BackwardWork
        {
            Shape = shape,
            Examples = examples,
            Q = q,
            K = k,
            Output = output,
            LogSumExp = logSumExp,
            DOutput = dOutput,
            Dq = dq,
            KeyPanels = scratch,
            ValuePanels = scratch + length,
            HeadDk = scratch + (2 * length),
            HeadDv = scratch + (2 * length) + ((long)tokens * shape.QuerySize),
            Blocks = scratch + (2 * length) + (2L * tokens * shape.QuerySize),
        };
        pool.Run(ref work, examples.Count * shape.Heads);
        var sum = new SumWork { Shape = shape, HeadDk = work.HeadDk, HeadDv = work.HeadDv, Dk = dk, Dv = dv };
        pool.Run(ref sum, tokens, TokensPerUnit);
    }

    private static long PanelsLength(AttentionShape shape, int tokens, int examples) => ((long)tokens + (PanelWidth * (long)examples)) * shape.KeyValueSize;

    /// <summary>Where the panels of a key-value head of an example begin.</summary>
    private static long PanelsStart(AttentionShape shape, ExampleRange range, int example, int head) =>
        ((range.Start + (PanelWidth * (long)example)) * shape.KeyValueSize) + ((long)head * PadToPanel(range.Length) * shape.HeadDimension);

    /// <summary>The scores of a block, and as many gradients of scores.</summary>
    private static long BlockLength(int longestExample) => 2L * RowsPerBlock * PadToPanel(longestExample);

    private static int PadToPanel(int length) => (length + PanelWidth - 1) / PanelWidth * PanelWidth;

    /// <summary><c>scores[i, j] = rows[i] . panels[:, j]</c> for the panels that reach up to a block's last row.</summary>
    private static void Scores(AttentionShape shape, float* rows, float* panels, int count, int columns, float* scores)
    {
        for (var j = 0; j < columns; j += PanelWidth)
        {
            DenseMultiply.RunBlock(rows, shape.QuerySize, 1, panels + ((long)j * shape.HeadDimension), PanelWidth, scores + j, columns, count, PanelWidth, shape.HeadDimension, accumulate: false);
        }
    }

    /// <summary>Lays the rows of each key-value head out as <c>[panel, headDim, 16]</c>: transposed, as the right factor of a product needs them. Rows past the end are zero.</summary>
    private struct PanelWork : IParallelWork
    {
        public AttentionShape Shape;
        public ExampleTable Examples;
        public float* Source;
        public float* Target;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                var (example, head) = (unit / Shape.KeyValueHeads, unit % Shape.KeyValueHeads);
                var range = Examples[example];
                var target = Target + PanelsStart(Shape, range, example, head);
                for (var first = 0; first < range.Length; first += PanelWidth, target += PanelWidth * Shape.HeadDimension)
                {
                    for (var j = 0; j < PanelWidth; j++)
                    {
                        var row = Source + (((long)range.Start + first + j) * Shape.KeyValueSize) + (head * Shape.HeadDimension);
                        for (var d = 0; d < Shape.HeadDimension; d++)
                        {
                            target[(d * PanelWidth) + j] = first + j < range.Length ? row[d] : 0;
                        }
                    }
                }
            }
        }
    }
}

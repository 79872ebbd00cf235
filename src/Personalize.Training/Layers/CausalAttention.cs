using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;
using Personalize.Training.Data;

namespace Personalize.Training.Layers;

/// <summary>
/// Causal grouped-query attention over packed examples, and its gradient: <c>o_i = sum over j &lt;= i of p_ij v_j</c>, <c>p_i = softmax(q_i k_j / sqrt(headDim))</c>,
/// i and j in the same example.
/// </summary>
/// <remarks>
/// Row by row: at any time a thread holds a few rows of one head's scores. The forward keeps the logarithm of each row's sum, from which the backward recomputes the probabilities (FlashAttention, arXiv 2205.14135).
/// The forward is divided by (example, head); the backward by (example, key-value head), so that every sum into dk and dv has one owner and one order.
/// Shapes: q, o <c>[tokens, heads, headDim]</c>; k, v <c>[tokens, keyValueHeads, headDim]</c>; logSumExp <c>[tokens, heads]</c>.
/// </remarks>
internal static unsafe class CausalAttention
{
    /// <summary>How many rows of a head the backward computes before it adds them to dk and dv, which saves it most of the loads and stores of those.</summary>
    private const int RowsPerBlock = 4;

    /// <summary>Floats of scratch for so many examples of at most so many tokens.</summary>
    public static long ScratchLength(AttentionShape shape, int examples, int longestExample) =>
        (long)examples * Math.Max(shape.Heads, 2 * RowsPerBlock * shape.KeyValueHeads) * VectorMath.Pad(longestExample);

    /// <summary>Computes o and logSumExp.</summary>
    public static void Forward(WorkerPool pool, AttentionShape shape, ExampleTable examples, float* q, float* k, float* v, float* output, float* logSumExp, float* scratch)
    {
        var work = new ForwardWork { Shape = shape, Examples = examples, Q = q, K = k, V = v, Output = output, LogSumExp = logSumExp, Scratch = scratch };
        pool.Run(ref work, examples.Count * shape.Heads);
    }

    /// <summary>Computes dq, dk and dv (overwritten) from the gradient of the output.</summary>
    public static void Backward(WorkerPool pool, AttentionShape shape, ExampleTable examples, float* q, float* k, float* v, float* output, float* logSumExp, float* dOutput, float* dq, float* dk, float* dv, float* scratch)
    {
        var work = new BackwardWork
        {
            Shape = shape,
            Examples = examples,
            Q = q,
            K = k,
            V = v,
            Output = output,
            LogSumExp = logSumExp,
            DOutput = dOutput,
            Dq = dq,
            Dk = dk,
            Dv = dv,
            Scratch = scratch,
        };
        pool.Run(ref work, examples.Count * shape.KeyValueHeads);
    }

    private struct ForwardWork : IParallelWork
    {
        public AttentionShape Shape;
        public ExampleTable Examples;
        public float* Q;
        public float* K;
        public float* V;
        public float* Output;
        public float* LogSumExp;
        public float* Scratch;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                Head(Examples[unit / Shape.Heads], unit % Shape.Heads, Scratch + ((long)unit * VectorMath.Pad(Examples.Longest)));
            }
        }

        private readonly void Head(ExampleRange range, int head, float* row)
        {
            int dimension = Shape.HeadDimension, querySize = Shape.QuerySize, keyValueSize = Shape.KeyValueSize;
            var keyValue = ((long)range.Start * keyValueSize) + (head / Shape.GroupSize * dimension);
            for (var i = 0; i < range.Length; i++)
            {
                var token = (long)range.Start + i;
                var query = (token * querySize) + (head * dimension);
                VectorMath.Dots(Q + query, K + keyValue, keyValueSize, i + 1, dimension, Shape.Scale, row);
                var logSumExp = Exponentials(row, i + 1, out var sum);
                LogSumExp[(token * Shape.Heads) + head] = logSumExp;
                VectorMath.WeightedSum(row, V + keyValue, keyValueSize, i + 1, dimension, Output + query, accumulate: false);
                Scale(Output + query, dimension, 1 / sum);
            }
        }

        /// <summary>Replaces scores by <c>exp(score - max)</c>; returns the logarithm of the sum of the scores' exponentials.</summary>
        private static float Exponentials(float* row, int count, out float sum)
        {
            // The row is padded with scores whose exponential is exactly 0.
            for (var j = count; j < VectorMath.Pad(count); j++)
            {
                row[j] = float.NegativeInfinity;
            }

            var max = VectorMath.Max(row, VectorMath.Pad(count));
            var shift = Vector256.Create(max);
            var total = Vector256<float>.Zero;
            for (var j = 0; j < count; j += VectorMath.Lanes)
            {
                var value = Vector256.Exp(Vector256.Load(row + j) - shift);
                value.Store(row + j);
                total += value;
            }

            sum = Vector256.Sum(total);
            return max + MathF.Log(sum);
        }

        private static void Scale(float* x, int length, float factor)
        {
            for (var i = 0; i < length; i++)
            {
                x[i] *= factor;
            }
        }
    }

    private struct BackwardWork : IParallelWork
    {
        public AttentionShape Shape;
        public ExampleTable Examples;
        public float* Q;
        public float* K;
        public float* V;
        public float* Output;
        public float* LogSumExp;
        public float* DOutput;
        public float* Dq;
        public float* Dk;
        public float* Dv;
        public float* Scratch;

        public readonly void Execute(int start, int end)
        {
            var row = VectorMath.Pad(Examples.Longest);
            for (var unit = start; unit < end; unit++)
            {
                Group(Examples[unit / Shape.KeyValueHeads], unit % Shape.KeyValueHeads, Scratch + (2L * RowsPerBlock * unit * row), row);
            }
        }

        /// <summary>The gradients of one key-value head of one example and of the query heads that share it. The scratch holds the probabilities of a block of rows, then their score gradients.</summary>
        private readonly void Group(ExampleRange range, int group, float* scratch, int stride)
        {
            int dimension = Shape.HeadDimension, keyValueSize = Shape.KeyValueSize;
            var keyValue = ((long)range.Start * keyValueSize) + (group * dimension);
            for (var j = 0L; j < range.Length; j++)
            {
                new Span<float>(Dk + keyValue + (j * keyValueSize), dimension).Clear();
                new Span<float>(Dv + keyValue + (j * keyValueSize), dimension).Clear();
            }

            for (var head = group * Shape.GroupSize; head < (group + 1) * Shape.GroupSize; head++)
            {
                for (var i = 0; i < range.Length; i += RowsPerBlock)
                {
                    Block(range, head, keyValue, i, scratch, scratch + (RowsPerBlock * stride), stride);
                }
            }
        }

        private readonly void Block(ExampleRange range, int head, long keyValue, int first, float* p, float* ds, int stride)
        {
            int dimension = Shape.HeadDimension, querySize = Shape.QuerySize, keyValueSize = Shape.KeyValueSize;
            var rows = Math.Min(RowsPerBlock, range.Length - first);
            var query = ((long)(range.Start + first) * querySize) + (head * dimension);
            for (var row = 0; row < rows; row++)
            {
                var count = first + row + 1;
                float* rowP = p + (row * stride), rowDs = ds + (row * stride), rowQ = Q + query + (row * querySize), rowDOutput = DOutput + query + (row * querySize);
                VectorMath.Dots(rowQ, K + keyValue, keyValueSize, count, dimension, Shape.Scale, rowP);
                VectorMath.Dots(rowDOutput, V + keyValue, keyValueSize, count, dimension, 1, rowDs);

                // sum over j of p_ij dp_ij equals do_i . o_i, which is one product instead of a row of them.
                var delta = VectorMath.Dot(rowDOutput, Output + query + (row * querySize), dimension);
                ScoreGradients(rowP, rowDs, count, LogSumExp[((long)(range.Start + first + row) * Shape.Heads) + head], delta, Shape.Scale);
                VectorMath.WeightedSum(rowDs, K + keyValue, keyValueSize, count, dimension, Dq + query + (row * querySize), accumulate: false);
            }

            // Rows are padded with zeros to a multiple of eight, so the first of a block, which begins at a multiple of four, is long enough for its last.
            VectorMath.AddOuterProduct(ds, stride, Q + query, querySize, rows, first + rows, dimension, Dk + keyValue, keyValueSize);
            VectorMath.AddOuterProduct(p, stride, DOutput + query, querySize, rows, first + rows, dimension, Dv + keyValue, keyValueSize);
        }

        /// <summary>From scores s and <c>dp_j = do . v_j</c>: <c>p_j = exp(s_j - logSumExp)</c>, <c>ds_j = scale * p_j (dp_j - delta)</c>.</summary>
        private static void ScoreGradients(float* p, float* ds, int count, float logSumExp, float delta, float scale)
        {
            for (var j = count; j < VectorMath.Pad(count); j++)
            {
                p[j] = float.NegativeInfinity;
                ds[j] = 0;
            }

            var shift = Vector256.Create(logSumExp);
            var middle = Vector256.Create(delta);
            for (var j = 0; j < count; j += VectorMath.Lanes)
            {
                var probability = Vector256.Exp(Vector256.Load(p + j) - shift);
                probability.Store(p + j);
                ((Vector256.Load(ds + j) - middle) * probability * scale).Store(ds + j);
            }
        }
    }
}

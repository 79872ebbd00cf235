using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;
using Personalize.Training.Data;

namespace Personalize.Training.Layers;

/// <content>The gradients of one head of one example.</content>
internal static unsafe partial class CausalAttention
{
    private const int TokensPerUnit = 16;

    private struct BackwardWork : IParallelWork
    {
        public AttentionShape Shape;
        public ExampleTable Examples;
        public float* Q;
        public float* K;
        public float* Output;
        public float* LogSumExp;
        public float* DOutput;
        public float* Dq;
        public float* KeyPanels;
        public float* ValuePanels;
        public float* HeadDk;
        public float* HeadDv;
        public float* Blocks;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                var (example, head) = (unit / Shape.Heads, unit % Shape.Heads);
                var range = Examples[example];
                var first = ((long)range.Start * Shape.QuerySize) + (head * Shape.HeadDimension);
                for (var i = 0L; i < range.Length; i++)
                {
                    new Span<float>(HeadDk + first + (i * Shape.QuerySize), Shape.HeadDimension).Clear();
                    new Span<float>(HeadDv + first + (i * Shape.QuerySize), Shape.HeadDimension).Clear();
                }

                var panels = PanelsStart(Shape, range, example, head / Shape.GroupSize);
                for (var i = 0; i < range.Length; i += RowsPerBlock)
                {
                    Block(range, head, panels, i, Blocks + (unit * BlockLength(Examples.Longest)));
                }
            }
        }

        /// <summary>A block of rows: probabilities p and gradients of scores ds, and from them <c>dq = ds k</c>, <c>dk += ds^T q</c>, <c>dv += p^T do</c>.</summary>
        private readonly void Block(ExampleRange range, int head, long panels, int first, float* p)
        {
            int dimension = Shape.HeadDimension, querySize = Shape.QuerySize, rows = Math.Min(RowsPerBlock, range.Length - first), depth = first + rows, columns = PadToPanel(depth);
            var keys = ((long)range.Start * querySize) + (head * dimension);
            var query = keys + ((long)first * querySize);
            var keyValue = ((long)range.Start * Shape.KeyValueSize) + (head / Shape.GroupSize * dimension);
            var ds = p + (RowsPerBlock * columns);
            Scores(Shape, Q + query, KeyPanels + panels, rows, columns, p);
            Scores(Shape, DOutput + query, ValuePanels + panels, rows, columns, ds);
            for (var i = 0; i < rows; i++)
            {
                // sum over j of p_ij dp_ij equals do_i . o_i, which is one product instead of a row of them.
                var row = query + ((long)i * querySize);
                var delta = VectorMath.Dot(DOutput + row, Output + row, dimension);
                var logSumExp = LogSumExp[(((long)range.Start + first + i) * Shape.Heads) + head];
                ScoreGradients(p + ((long)i * columns), ds + ((long)i * columns), first + i + 1, columns, logSumExp, delta, Shape.Scale);
            }

            DenseMultiply.RunBlock(ds, columns, 1, K + keyValue, Shape.KeyValueSize, Dq + query, querySize, rows, dimension, depth, accumulate: false);
            DenseMultiply.RunBlock(ds, 1, columns, Q + query, querySize, HeadDk + keys, querySize, depth, dimension, rows, accumulate: true);
            DenseMultiply.RunBlock(p, 1, columns, DOutput + query, querySize, HeadDv + keys, querySize, depth, dimension, rows, accumulate: true);
        }

        /// <summary>From products s and <c>dp_j = do . v_j</c>: <c>p_j = exp(scale s_j - logSumExp)</c>, <c>ds_j = scale * p_j (dp_j - delta)</c>; both 0 from <paramref name="count"/> on.</summary>
        private static void ScoreGradients(float* p, float* ds, int count, int length, float logSumExp, float delta, float scale)
        {
            new Span<float>(p + count, length - count).Fill(float.NegativeInfinity);
            new Span<float>(ds + count, length - count).Clear();

            var j = 0;
            for (; InstructionSets.HasAvx512 && j + Vector512<float>.Count <= length; j += Vector512<float>.Count)
            {
                var wideFactor = Vector512.Create(scale);
                var probability = VectorExp.Exp((Vector512.Load(p + j) * wideFactor) - Vector512.Create(logSumExp));
                probability.Store(p + j);
                ((Vector512.Load(ds + j) - Vector512.Create(delta)) * probability * wideFactor).Store(ds + j);
            }

            var (shift, middle, factor) = (Vector256.Create(logSumExp), Vector256.Create(delta), Vector256.Create(scale));
            for (; j < length; j += VectorMath.Lanes)
            {
                var probability = VectorExp.Exp((Vector256.Load(p + j) * factor) - shift);
                probability.Store(p + j);
                ((Vector256.Load(ds + j) - middle) * probability * factor).Store(ds + j);
            }
        }
    }

    /// <summary>Adds up what the heads that share keys and values found for them.</summary>
    private struct SumWork : IParallelWork
    {
        public AttentionShape Shape;
        public float* HeadDk;
        public float* HeadDv;
        public float* Dk;
        public float* Dv;

        public readonly void Execute(int start, int end)
        {
            for (long token = start; token < end; token++)
            {
                Sum(HeadDk + (token * Shape.QuerySize), Dk + (token * Shape.KeyValueSize));
                Sum(HeadDv + (token * Shape.QuerySize), Dv + (token * Shape.KeyValueSize));
            }
        }

        private readonly void Sum(float* heads, float* target)
        {
            var group = Shape.GroupSize * Shape.HeadDimension;
            for (var head = 0; head < Shape.KeyValueHeads; head++, heads += group, target += Shape.HeadDimension)
            {
                new ReadOnlySpan<float>(heads, Shape.HeadDimension).CopyTo(new Span<float>(target, Shape.HeadDimension));
                for (var other = Shape.HeadDimension; other < group; other += Shape.HeadDimension)
                {
                    VectorMath.Add(heads + other, target, Shape.HeadDimension);
                }
            }
        }
    }
}

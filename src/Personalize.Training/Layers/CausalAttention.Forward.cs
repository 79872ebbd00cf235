using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;
using Personalize.Training.Data;

namespace Personalize.Training.Layers;

/// <content>The forward of one head of one example.</content>
internal static unsafe partial class CausalAttention
{
    private struct ForwardWork : IParallelWork
    {
        public AttentionShape Shape;
        public ExampleTable Examples;
        public float* Q;
        public float* KeyPanels;
        public float* V;
        public float* Output;
        public float* LogSumExp;
        public float* Blocks;

        public readonly void Execute(int start, int end)
        {
            for (var unit = start; unit < end; unit++)
            {
                var (example, head) = (unit / Shape.Heads, unit % Shape.Heads);
                var range = Examples[example];
                var panels = KeyPanels + PanelsStart(Shape, range, example, head / Shape.GroupSize);
                for (var first = 0; first < range.Length; first += RowsPerBlock)
                {
                    Block(range, head, panels, first, Blocks + (unit * BlockLength(Examples.Longest)));
                }
            }
        }

        private readonly void Block(ExampleRange range, int head, float* panels, int first, float* scores)
        {
            int dimension = Shape.HeadDimension, rows = Math.Min(RowsPerBlock, range.Length - first), depth = first + rows, columns = PadToPanel(depth);
            var query = (((long)range.Start + first) * Shape.QuerySize) + (head * dimension);
            var value = ((long)range.Start * Shape.KeyValueSize) + (head / Shape.GroupSize * dimension);
            Scores(Shape, Q + query, panels, rows, columns, scores);
            var factors = stackalloc float[RowsPerBlock];
            for (var i = 0; i < rows; i++)
            {
                var logSumExp = Exponentials(scores + ((long)i * columns), first + i + 1, columns, Shape.Scale, out var sum);
                LogSumExp[(((long)range.Start + first + i) * Shape.Heads) + head] = logSumExp;
                factors[i] = 1 / sum;
            }

            DenseMultiply.RunBlock(scores, columns, 1, V + value, Shape.KeyValueSize, Output + query, Shape.QuerySize, rows, dimension, depth, accumulate: false);
            for (var i = 0; i < rows; i++)
            {
                VectorMath.Multiply(Output + query + ((long)i * Shape.QuerySize), dimension, factors[i]);
            }
        }

        /// <summary>Replaces the first <paramref name="count"/> products by <c>exp(scale * (product - max))</c> and the others by 0; returns the logarithm of the sum of the exponentials of the scaled products.</summary>
        private static float Exponentials(float* row, int count, int length, float scale, out float sum)
        {
            new Span<float>(row + count, length - count).Fill(float.NegativeInfinity);

            var max = VectorMath.Max(row, length);
            var (shift, factor) = (Vector256.Create(max), Vector256.Create(scale));
            var total = Vector256<float>.Zero;
            var j = 0;
            for (; InstructionSets.HasAvx512 && j + Vector512<float>.Count <= length; j += Vector512<float>.Count)
            {
                // Eight lanes of sums on every machine: the lower half before the upper, as two vectors of eight come.
                var value = VectorExp.Exp((Vector512.Load(row + j) - Vector512.Create(max)) * Vector512.Create(scale));
                value.Store(row + j);
                total = total + value.GetLower() + value.GetUpper();
            }

            for (; j < length; j += VectorMath.Lanes)
            {
                var value = VectorExp.Exp((Vector256.Load(row + j) - shift) * factor);
                value.Store(row + j);
                total += value;
            }

            sum = Vector256.Sum(total);
            return (max * scale) + MathF.Log(sum);
        }
    }
}

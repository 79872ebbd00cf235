using System.Runtime.Intrinsics;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Training.Data;
using Personalize.Training.Layers;

namespace Personalize.Training.Losses;

/// <summary>
/// The last norm, the output layer and the negative log-likelihood of the targets, with the gradient back to the residual stream. Only rows that carry loss are computed, a chunk of them at a time.
/// </summary>
/// <remarks><c>nll = log(sum over v of exp(z_v)) - z_target</c>, <c>z = W norm(x)</c>; <c>dz = (softmax(z) - onehot(target)) * scale</c> replaces z.</remarks>
internal sealed unsafe class CrossEntropy
{
    /// <summary>Enough rows for a decoded tile of the output layer to pay off, few enough that a chunk of logits stays small.</summary>
    public const int RowsPerChunk = 128;

    private const int RowsPerUnit = 8;
    private const int ElementsPerPartialSum = 1024;

    private readonly DecoderDescription _description;
    private readonly PackedMatrix _projection;
    private readonly WeightVector _norm;
    private readonly StackGradients? _trained;

    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The output layer and the last norm.</param>
    /// <param name="trained">Where their own gradients go; null where they are frozen.</param>
    public CrossEntropy(DecoderDescription description, DecoderWeights weights, StackGradients? trained = null)
    {
        _trained = trained;
        _description = description;
        _projection = weights.OutputProjection;
        _norm = weights.OutputNorm;
    }

    /// <summary>Writes the loss of each position to <see cref="LossBuffers.Nll"/>.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="buffers">Holds the positions and receives their losses.</param>
    /// <param name="count">How many positions there are.</param>
    /// <param name="stream">The residual stream after the last layer, <c>[tokens, hidden]</c>.</param>
    /// <param name="streamGradient">Its gradient, added to at the rows that carry loss; null computes none.</param>
    /// <param name="scale">What the gradient of the summed loss is multiplied with: one over the number of loss tokens of the whole step.</param>
    public void Run(WorkerPool pool, LossBuffers buffers, int count, float* stream, float* streamGradient, float scale)
    {
        for (var start = 0; start < count; start += RowsPerChunk)
        {
            var rows = Math.Min(RowsPerChunk, count - start);
            var work = new RowWork
            {
                Positions = buffers.Positions + start,
                Stream = stream,
                StreamGradient = streamGradient,
                Gain = _norm.Pointer,
                Normalized = buffers.Normalized,
                NormalizedGradient = buffers.NormalizedGradient,
                HiddenSize = _description.HiddenSize,
                Epsilon = _description.RmsNormEpsilon,
            };
            pool.Run(ref work, rows, RowsPerUnit);
            FloatMatrixMultiply.Forward(pool, _projection, buffers.Normalized, rows, buffers.Logits);
            var softmax = new SoftmaxWork
            {
                Positions = buffers.Positions + start,
                Nll = buffers.Nll + start,
                Logits = buffers.Logits,
                VocabularySize = _description.VocabularySize,
                Scale = scale,
                WithGradient = streamGradient is not null,
            };
            pool.Run(ref softmax, rows);
            if (streamGradient is not null)
            {
                FloatMatrixMultiply.BackwardInput(pool, _projection, buffers.Logits, rows, buffers.NormalizedGradient, accumulate: false);
                if (_trained is not null)
                {
                    AddWeightGradients(pool, buffers, start, rows, stream);
                }

                work.Backward = true;
                pool.Run(ref work, rows, RowsPerUnit);
            }
        }
    }

    /// <summary>The gradients of the output layer, <c>dW += dz^T norm(x)</c>, and of the last norm's gain.</summary>
    private void AddWeightGradients(WorkerPool pool, LossBuffers buffers, int start, int rows, float* stream)
    {
        var (vocabulary, hidden) = (_description.VocabularySize, _description.HiddenSize);
        DenseMultiply.Run(pool, buffers.Logits, 1, vocabulary, buffers.Normalized, hidden, _trained!.Output, hidden, vocabulary, hidden, rows, accumulate: true);
        for (var i = 0; i < rows; i++)
        {
            var x = stream + ((long)buffers.Positions[start + i].Row * hidden);
            RmsNormBackward.AddGain(pool, x, buffers.NormalizedGradient + ((long)i * hidden), _trained.OutputNorm, 1, hidden, _description.RmsNormEpsilon);
        }
    }

    /// <summary>The norm of the rows that carry loss, or its backward.</summary>
    private struct RowWork : IParallelWork
    {
        public LossPosition* Positions;
        public float* Stream;
        public float* StreamGradient;
        public float* Gain;
        public float* Normalized;
        public float* NormalizedGradient;
        public int HiddenSize;
        public float Epsilon;
        public bool Backward;

        public readonly void Execute(int start, int end)
        {
            for (var i = start; i < end; i++)
            {
                long row = (long)Positions[i].Row * HiddenSize, chunkRow = (long)i * HiddenSize;
                if (Backward)
                {
                    RmsNormBackward.Vector(Stream + row, Gain, NormalizedGradient + chunkRow, StreamGradient + row, HiddenSize, Epsilon);
                }
                else
                {
                    RmsNorm.Forward(Stream + row, Gain, Normalized + chunkRow, 1, HiddenSize, Epsilon);
                }
            }
        }
    }

    private struct SoftmaxWork : IParallelWork
    {
        public LossPosition* Positions;
        public double* Nll;
        public float* Logits;
        public int VocabularySize;
        public float Scale;
        public bool WithGradient;

        public readonly void Execute(int start, int end)
        {
            for (var i = start; i < end; i++)
            {
                var logits = Logits + ((long)i * VocabularySize);
                var target = Positions[i].Target;
                var max = Max(logits, VocabularySize);
                var logit = logits[target];
                var sum = Exponentials(logits, VocabularySize, max);
                Nll[i] = Math.Log(sum) + max - logit;
                if (WithGradient)
                {
                    Multiply(logits, VocabularySize, (float)(Scale / sum));
                    logits[target] -= Scale;
                }
            }
        }

        private static float Max(float* x, int count)
        {
            var lanes = Vector256.Create(float.NegativeInfinity);
            var i = 0;
            for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
            {
                lanes = Vector256.Max(lanes, Vector256.Load(x + i));
            }

            var max = float.NegativeInfinity;
            for (var lane = 0; lane < Vector256<float>.Count; lane++)
            {
                max = Math.Max(max, lanes[lane]);
            }

            for (; i < count; i++)
            {
                max = Math.Max(max, x[i]);
            }

            return max;
        }

        /// <summary>Replaces x by <c>exp(x - max)</c> and returns the sum. Short runs are summed in single precision, the runs in double.</summary>
        private static double Exponentials(float* x, int count, float max)
        {
            var (shift, wideShift) = (Vector256.Create(max), Vector512.Create(max));
            var sum = 0d;
            var i = 0;
            while (i + Vector256<float>.Count <= count)
            {
                var end = Math.Min(count, i + ElementsPerPartialSum);
                var lanes = Vector256<float>.Zero;
                for (; InstructionSets.HasAvx512 && i + Vector512<float>.Count <= end; i += Vector512<float>.Count)
                {
                    // Eight lanes of sums on every machine: the lower half before the upper, as two vectors of eight come.
                    var value = VectorExp.Exp(Vector512.Load(x + i) - wideShift);
                    value.Store(x + i);
                    lanes = lanes + value.GetLower() + value.GetUpper();
                }

                for (; i + Vector256<float>.Count <= end; i += Vector256<float>.Count)
                {
                    var value = VectorExp.Exp(Vector256.Load(x + i) - shift);
                    value.Store(x + i);
                    lanes += value;
                }

                sum += Vector256.Sum(lanes);
            }

            for (; i < count; i++)
            {
                x[i] = VectorExp.Exp(x[i] - max);
                sum += x[i];
            }

            return sum;
        }

        private static void Multiply(float* x, int count, float factor)
        {
            var lanes = Vector256.Create(factor);
            var i = 0;
            for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
            {
                (Vector256.Load(x + i) * lanes).Store(x + i);
            }

            for (; i < count; i++)
            {
                x[i] *= factor;
            }
        }
    }
}

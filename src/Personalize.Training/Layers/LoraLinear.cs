using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Training.Adapters;

namespace Personalize.Training.Layers;

/// <summary>A frozen linear map with an optional low-rank pair (LoRA, arXiv 2106.09685): <c>y = W x + b + B h</c>, <c>h = s A x</c>.</summary>
/// <remarks>
/// Gradients: with <c>dh = s B^T dy</c>: <c>dx = W^T dy + A^T dh</c>, <c>dA = dh^T x</c>, <c>dB = dy^T h</c>; W and b are frozen.
/// Shapes: x <c>[tokens, in]</c>, y <c>[tokens, out]</c>, h <c>[tokens, rank]</c>. Parameter gradients are summed token by token in order, so that a step divided into micro-batches has the same bits.
/// </remarks>
internal sealed unsafe class LoraLinear(PackedMatrix weight, WeightVector? bias, TrainablePair? pair)
{
    /// <summary>Computes y, and h for the backward.</summary>
    public void Forward(WorkerPool pool, float* x, int tokens, float* y, float* h)
    {
        FloatMatrixMultiply.Forward(pool, weight, x, tokens, y);
        if (bias is not null)
        {
            TokenOperations.Add(pool, bias.Pointer, y, tokens, weight.Rows, repeat: true);
        }

        Project(pool, x, tokens, h);
        if (pair is not null)
        {
            DenseMultiply.Run(pool, h, pair.Rank, 1, pair.TransposedB, pair.OutputSize, y, pair.OutputSize, tokens, pair.OutputSize, pair.Rank, accumulate: true);
        }
    }

    /// <summary>Computes h alone: what the backward needs where the output does not have to be computed again.</summary>
    public void Project(WorkerPool pool, float* x, int tokens, float* h)
    {
        if (pair is not null)
        {
            LowRankDown.Run(pool, x, pair.A, h, tokens, pair.InputSize, pair.Rank, pair.Scale);
        }
    }

    /// <summary>Adds the gradients of A and B, and computes that of the input.</summary>
    /// <param name="pool">The threads.</param>
    /// <param name="x">The forward's input.</param>
    /// <param name="h">The forward's low-rank product.</param>
    /// <param name="dy">The gradient of the output.</param>
    /// <param name="tokens">How many rows there are.</param>
    /// <param name="dh">Scratch, <c>[tokens, rank]</c>.</param>
    /// <param name="dx">The gradient of the input; null if nothing below it is trained.</param>
    /// <param name="accumulate">Add to what dx holds.</param>
    public void Backward(WorkerPool pool, float* x, float* h, float* dy, int tokens, float* dh, float* dx, bool accumulate)
    {
        if (dx is not null)
        {
            FloatMatrixMultiply.BackwardInput(pool, weight, dy, tokens, dx, accumulate);
        }

        if (pair is null)
        {
            return;
        }

        LowRankDown.Run(pool, dy, pair.TransposedB, dh, tokens, pair.OutputSize, pair.Rank, pair.Scale);
        if (pair.PerExample is { } perExample)
        {
            perExample.Write(pool, pair, x, h, dy, dh);
        }
        else
        {
            DenseMultiply.Run(pool, dh, 1, pair.Rank, x, pair.InputSize, pair.GradientA, pair.InputSize, pair.Rank, pair.InputSize, tokens, accumulate: true);
            DenseMultiply.Run(pool, h, 1, pair.Rank, dy, pair.OutputSize, pair.GradientTransposedB, pair.OutputSize, pair.Rank, pair.OutputSize, tokens, accumulate: true);
        }

        if (dx is not null)
        {
            DenseMultiply.Run(pool, dh, pair.Rank, 1, pair.A, pair.InputSize, dx, pair.InputSize, tokens, pair.InputSize, pair.Rank, accumulate: true);
        }
    }
}

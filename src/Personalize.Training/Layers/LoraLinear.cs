using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Training.Adapters;

namespace Personalize.Training.Layers;

/// <summary>
/// A linear map with an optional low-rank pair (LoRA, arXiv 2106.09685): <c>y = W x + b + B h</c>, <c>h = s A d(x)</c>, where d is the pair's dropout; with DoRA (arXiv 2402.09353) <c>y = g (W x + B h) + b</c>, <c>g = m / ||W + s B A||</c>. A pair's own bias b' takes the place of b.
/// </summary>
/// <remarks>
/// Gradients: with <c>dc = g dy</c> (without DoRA dy itself) and <c>dh = s B^T dc</c>: <c>dx = W^T dc + d'(A^T dh)</c>, <c>dA = dh^T d(x)</c>, <c>dB = dc^T h</c>, <c>dm = sum of dy (W x + B h) / norm</c>; the norm counts as constant; <c>db' = sum of dy</c>.
/// W and b are frozen, or all of them are trained: <c>dW = dy^T x</c>, <c>db = sum of dy</c>.
/// Shapes: x <c>[tokens, in]</c>, y <c>[tokens, out]</c>, h <c>[tokens, rank]</c>. Parameter gradients are summed token by token in order, so that a step divided into micro-batches has the same bits.
/// </remarks>
internal sealed unsafe class LoraLinear(PackedMatrix weight, WeightVector? bias, TrainablePair? pair, DoraRows? dora, LinearGradient? trained, int map)
{
    private float* Bias => pair is not null && pair.Bias is not null ? pair.Bias : bias is null ? null : bias.Pointer;

    /// <summary>Computes y, and h for the backward.</summary>
    public void Forward(LayerPass pass, float* x, float* y, float* h)
    {
        var (pool, tokens) = (pass.Pool, pass.Tokens);
        Project(pass, x, h);
        FloatMatrixMultiply.Forward(pool, weight, x, tokens, y, Addend(h));
        if (dora is not null)
        {
            RowRescale.Forward(pool, y, dora.Factors, Bias, tokens, weight.Rows);
        }
        else if (Bias is not null)
        {
            TokenOperations.Add(pool, Bias, y, tokens, weight.Rows, repeat: true);
        }
    }

    /// <summary>Computes h alone: what the backward needs where the output does not have to be computed again.</summary>
    public void Project(LayerPass pass, float* x, float* h)
    {
        if (pair is not null)
        {
            LowRankDown.Run(pass.Pool, Drop(pass, x), pair.A, h, pass.Tokens, pair.InputSize, pair.Rank, pair.Scale);
        }
    }

    /// <summary>Adds the gradients of the parameters, and computes that of the input.</summary>
    /// <param name="pass">The batch.</param>
    /// <param name="x">The forward's input.</param>
    /// <param name="h">The forward's low-rank product.</param>
    /// <param name="dy">The gradient of the output.</param>
    /// <param name="dx">The gradient of the input; null if nothing below it is trained.</param>
    /// <param name="accumulate">Add to what dx holds.</param>
    public void Backward(LayerPass pass, float* x, float* h, float* dy, float* dx, bool accumulate)
    {
        var (pool, tokens) = (pass.Pool, pass.Tokens);
        if (pair is not null && pair.GradientBias is not null)
        {
            // Of the output's gradient, before it is rescaled: the bias comes after the factors.
            TokenOperations.AddColumnSums(pool, dy, pair.GradientBias, tokens, weight.Rows);
        }

        if (dora is not null)
        {
            dy = RescaleBackward(pass, x, h, dy);
        }

        if (pair is not null)
        {
            PairBackward(pass, x, h, dy);
        }

        if (dx is not null)
        {
            // Without dropout the pair's part is a further term of the same sums.
            var through = pair is null || pass.Dropout is not null ? default : new LowRankAddend((nint)pass.Scratch.LowRankGradient, (nint)pair.A, pair.Rank);
            FloatMatrixMultiply.BackwardInput(pool, weight, dy, tokens, dx, accumulate, through);
            DropBackward(pass, dx);
        }

        if (trained is not null)
        {
            DenseMultiply.Run(pool, dy, 1, weight.Rows, x, weight.Columns, trained.Weight, weight.Columns, weight.Rows, weight.Columns, tokens, accumulate: true);
            if (trained.Bias is not null)
            {
                TokenOperations.AddColumnSums(pool, dy, trained.Bias, tokens, weight.Rows);
            }
        }
    }

    /// <summary>The gradients of A and B; leaves that of the low-rank product in scratch.</summary>
    private void PairBackward(LayerPass pass, float* x, float* h, float* dy)
    {
        var (pool, tokens) = (pass.Pool, pass.Tokens);
        var dh = pass.Scratch.LowRankGradient;
        LowRankDown.Run(pool, dy, pair!.TransposedB, dh, tokens, pair.OutputSize, pair.Rank, pair.Scale);
        var input = Drop(pass, x);
        if (pair.PerExample is { } perExample)
        {
            perExample.Write(pool, pair, input, h, dy, dh);
        }
        else
        {
            DenseMultiply.Run(pool, dh, 1, pair.Rank, input, pair.InputSize, pair.GradientA, pair.InputSize, pair.Rank, pair.InputSize, tokens, accumulate: true);
            DenseMultiply.Run(pool, h, 1, pair.Rank, dy, pair.OutputSize, pair.GradientTransposedB, pair.OutputSize, pair.Rank, pair.OutputSize, tokens, accumulate: true);
        }
    }

    /// <summary>With dropout, what went through the mask goes back through the same mask.</summary>
    private void DropBackward(LayerPass pass, float* dx)
    {
        if (pair is null || pass.Dropout is not { } dropout)
        {
            return;
        }

        var (pool, tokens) = (pass.Pool, pass.Tokens);
        var through = pass.Scratch.Dropped;
        DenseMultiply.Run(pool, pass.Scratch.LowRankGradient, pair.Rank, 1, pair.A, pair.InputSize, through, pair.InputSize, tokens, pair.InputSize, pair.Rank, accumulate: false);
        dropout.Apply(pool, pass.TokenKeys, map, through, dx, tokens, pair.InputSize, accumulate: true);
    }

    /// <summary>The pair's input: x, or where dropout is on the part of it that stays, in scratch.</summary>
    private float* Drop(LayerPass pass, float* x)
    {
        if (pass.Dropout is not { } dropout)
        {
            return x;
        }

        dropout.Apply(pass.Pool, pass.TokenKeys, map, x, pass.Scratch.Dropped, pass.Tokens, pair!.InputSize, accumulate: false);
        return pass.Scratch.Dropped;
    }

    /// <summary>The gradient before the rescaling, in scratch. <c>W x + B h</c> is computed again: kept, it would double what a layer keeps.</summary>
    private float* RescaleBackward(LayerPass pass, float* x, float* h, float* dy)
    {
        var (pool, tokens) = (pass.Pool, pass.Tokens);
        var c = pass.Scratch.Rescaled;
        FloatMatrixMultiply.Forward(pool, weight, x, tokens, c, Addend(h));
        RowRescale.Backward(pool, c, dy, dora!.Factors, dora.Norms, pair!.GradientMagnitude, tokens, pair.OutputSize);
        return c;
    }

    private LowRankAddend Addend(float* h) => pair is null ? default : new LowRankAddend((nint)h, (nint)pair.TransposedB, pair.Rank);
}

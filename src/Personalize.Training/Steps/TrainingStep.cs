using System.Runtime.InteropServices;
using Personalize.Core.Kernels;
using Personalize.Training.Data;
using Personalize.Training.Layers;

namespace Personalize.Training.Steps;

/// <summary>The loss and the gradients of one optimizer step or a part of it, in as many micro-batches as the workspace asks for.</summary>
/// <remarks>Both are means over the loss tokens of the whole step, so dividing it changes nothing. The count is at least 1: a step that is masked as a whole has loss 0 and no gradient.</remarks>
internal sealed class TrainingStep(DecoderStack stack, IStepGradients gradients, int microBatchTokens)
{
    private readonly PackedBatch _batch = new();
    private readonly MicroBatchCapacity _capacity = new(microBatchTokens, int.MaxValue);

    /// <summary>What <see cref="Accumulate"/> replaces.</summary>
    public NativeBuffer<float> Gradients => gradients.Gradients;

    /// <summary>Replaces the gradients by those of <c>scale * sum of losses</c>.</summary>
    /// <returns>The sum of the losses, in nats, not scaled, and how many tokens were computed.</returns>
    public (double Nll, int Tokens) Accumulate(IReadOnlyList<TrainingExample> examples, float scale, CancellationToken cancellationToken)
    {
        gradients.Clear();
        var (nll, tokens, start) = (0d, 0, 0);
        while (start < examples.Count)
        {
            var size = _capacity.Take(examples, start);
            _batch.Fill(examples, start, size);
            nll += stack.Accumulate(_batch, scale, cancellationToken);
            tokens += _batch.TokenCount;
            start += size;
        }

        gradients.Finish();
        return (nll, tokens);
    }

    /// <summary>What a step's forward and backward gave.</summary>
    /// <param name="Loss">The mean loss, in nats a token.</param>
    /// <param name="GradientNorm">The global norm of the gradients.</param>
    /// <param name="Tokens">How many tokens were computed.</param>
    /// <param name="LossTokens">How many of them carry loss.</param>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Outcome(double Loss, double GradientNorm, int Tokens, int LossTokens);
}

using System.Runtime.InteropServices;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Optimizers;

namespace Personalize.Training;

/// <summary>The loss and the gradients of one optimizer step, in as many micro-batches as the workspace asks for.</summary>
/// <remarks>Both are means over the loss tokens of the whole step, so dividing it changes nothing. The count is at least 1: a step that is masked as a whole has loss 0 and no gradient.</remarks>
internal sealed class TrainingStep(DecoderStack stack, TrainableAdapter adapter, int microBatchTokens)
{
    private readonly PackedBatch _batch = new();

    /// <summary>Replaces the adapter's gradients by those of the mean loss of the examples.</summary>
    public Outcome Compute(IReadOnlyList<TrainingExample> examples, int start, int count, CancellationToken cancellationToken)
    {
        var lossTokens = 0;
        for (var i = start; i < start + count; i++)
        {
            lossTokens += examples[i].LossTokenCount;
        }

        adapter.Gradients.Span.Clear();
        var divisor = Math.Max(1, lossTokens);
        var (nll, tokens, end) = (0d, 0, start + count);
        while (start < end)
        {
            var size = MicroBatchSize(examples, start, end, microBatchTokens);
            _batch.Fill(examples, start, size);
            nll += stack.Accumulate(_batch, 1f / divisor, cancellationToken);
            tokens += _batch.TokenCount;
            start += size;
        }

        return new Outcome(nll / divisor, GradientClipping.GlobalNorm(adapter.Gradients.Span), tokens, lossTokens);
    }

    /// <summary>How many examples from <paramref name="start"/> on fit a micro-batch; the plan made sure that one always does.</summary>
    internal static int MicroBatchSize(IReadOnlyList<TrainingExample> examples, int start, int end, int microBatchTokens)
    {
        var (count, tokens) = (1, examples[start].Length);
        while (start + count < end && tokens + examples[start + count].Length <= microBatchTokens)
        {
            tokens += examples[start + count].Length;
            count++;
        }

        return count;
    }

    /// <summary>What a step's forward and backward gave.</summary>
    /// <param name="Loss">The mean loss, in nats a token.</param>
    /// <param name="GradientNorm">The global norm of the gradients.</param>
    /// <param name="Tokens">How many tokens were computed.</param>
    /// <param name="LossTokens">How many of them carry loss.</param>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Outcome(double Loss, double GradientNorm, int Tokens, int LossTokens);
}

using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Weights;

/// <summary>The loss and the gradients of all weights of one optimizer step, in as many micro-batches as the workspace asks for; means as in <see cref="TrainingStep"/>.</summary>
internal sealed class WeightStep(DecoderStack stack, TrainableWeights weights, int microBatchTokens)
{
    private readonly PackedBatch _batch = new();

    /// <summary>Replaces the gradients by those of the mean loss of the examples.</summary>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample> examples, int start, int count, CancellationToken cancellationToken)
    {
        var end = start + count;
        var lossTokens = 0;
        for (var i = start; i < end; i++)
        {
            lossTokens += examples[i].LossTokenCount;
        }

        weights.ClearGradients();
        var divisor = Math.Max(1, lossTokens);
        var (nll, tokens) = (0d, 0);
        while (start < end)
        {
            var size = TrainingStep.MicroBatchSize(examples, start, end, microBatchTokens);
            _batch.Fill(examples, start, size);
            nll += stack.Accumulate(_batch, 1f / divisor, cancellationToken);
            tokens += _batch.TokenCount;
            start += size;
        }

        weights.FinishGradients();
        return new TrainingStep.Outcome(nll / divisor, GradientClipping.GlobalNorm(weights.Gradients.Span), tokens, lossTokens);
    }
}

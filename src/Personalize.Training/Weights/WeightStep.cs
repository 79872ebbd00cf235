using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Weights;

/// <summary>The loss and the gradients of all weights over the examples of a step or a part of it, in as many micro-batches as the workspace asks for; means as in <see cref="TrainingStep"/>.</summary>
internal sealed class WeightStep(DecoderStack stack, WeightGradients gradients, int microBatchTokens)
{
    private readonly PackedBatch _batch = new();

    /// <summary>Replaces the gradients by those of the mean loss of the examples.</summary>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample> examples, int start, int count, CancellationToken cancellationToken)
    {
        var lossTokens = 0;
        for (var i = start; i < start + count; i++)
        {
            lossTokens += examples[i].LossTokenCount;
        }

        var divisor = Math.Max(1, lossTokens);
        var (nll, tokens) = Accumulate(examples, start, count, 1f / divisor, cancellationToken);
        return new TrainingStep.Outcome(nll / divisor, GradientClipping.GlobalNorm(gradients.Values.Span), tokens, lossTokens);
    }

    /// <summary>Replaces the gradients by those of <c>scale * sum of losses</c>.</summary>
    /// <returns>The sum of the losses, in nats, not scaled, and how many tokens were computed.</returns>
    public (double Nll, int Tokens) Accumulate(IReadOnlyList<TrainingExample> examples, int start, int count, float scale, CancellationToken cancellationToken)
    {
        gradients.Clear();
        var (nll, tokens, end) = (0d, 0, start + count);
        while (start < end)
        {
            var size = TrainingStep.MicroBatchSize(examples, start, end, microBatchTokens);
            _batch.Fill(examples, start, size);
            nll += stack.Accumulate(_batch, scale, cancellationToken);
            tokens += _batch.TokenCount;
            start += size;
        }

        gradients.Finish();
        return (nll, tokens);
    }
}

using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Optimizers;
using Personalize.Training.Steps;

namespace Personalize.Training.Privacy;

/// <summary>One step of DP-SGD: <c>(sum over sampled examples e of g_e min(1, C / |g_e|) + N(0, (sigma C)^2)) / expected batch size</c>, with g_e the gradient of the mean loss of example e.</summary>
/// <remarks>The expected size divides, as the true one would tell how many were sampled. Owns its buffers; borrows stack and adapter.</remarks>
internal sealed class PrivateTrainingStep : IDisposable
{
    private readonly DecoderStack _stack;
    private readonly TrainableAdapter _adapter;
    private readonly SubsampledGaussian _mechanism;
    private readonly double _maximumNorm;
    private readonly MicroBatchCapacity _capacity;
    private readonly GaussianNoise _noise;
    private readonly PerExampleGradients _gradients;
    private readonly NativeBuffer<float> _sum;
    private readonly PackedBatch _batch = new();
    private readonly List<TrainingExample> _sampled = [];

    public PrivateTrainingStep(DecoderStack stack, TrainableAdapter adapter, SubsampledGaussian mechanism, double maximumNorm, MicroBatchCapacity capacity, IRandomSource random)
    {
        _stack = stack;
        _adapter = adapter;
        _mechanism = mechanism;
        _maximumNorm = maximumNorm;
        _capacity = capacity;
        _noise = new GaussianNoise(random);
        _gradients = new PerExampleGradients(adapter, capacity.Examples);
        _sum = new NativeBuffer<float>(adapter.Parameters.Length);
    }

    /// <summary>The most examples of a micro-batch: more would take much memory for their gradients and gain little time.</summary>
    public static int MaximumExamples => 8;

    /// <summary>The bytes that clipping each example takes beyond the gradients themselves.</summary>
    public static long ByteLength(long parameterCount, int examples) => PerExampleGradients.ByteLength(parameterCount, examples + 1);

    /// <summary>Replaces the adapter's gradients by the noisy mean over a new sample of the slots; an empty one is drawn like the others and adds nothing, so that neither rate nor divisor tells of it.</summary>
    /// <returns>The mean loss over the sample's tokens, which the guarantee does not cover, and the noisy gradient's norm, which it does.</returns>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample?> slots, CancellationToken cancellationToken)
    {
        _sampled.Clear();
        _noise.Sample(slots.Count, _mechanism.SamplingRate, i =>
        {
            if (slots[i] is { } example)
            {
                _sampled.Add(example);
            }
        });
        _sum.Span.Clear();
        var (nll, tokens, start) = (0d, 0, 0);
        while (start < _sampled.Count)
        {
            var count = _capacity.Take(_sampled, start);
            _batch.Fill(_sampled, start, count);
            _gradients.Begin(_batch);
            nll += _stack.Accumulate(_batch, 1, cancellationToken);
            AddClipped(start, count);
            tokens += _batch.TokenCount;
            start += count;
        }

        // The whole vector is written anew: no gradient that was not clipped and made noisy can stand in it.
        _sum.Span.CopyTo(_adapter.Gradients.Span);
        _noise.Add(_adapter.Gradients.Span, _mechanism.NoiseMultiplier * _maximumNorm, 1 / (_mechanism.SamplingRate * slots.Count));
        var lossTokens = _sampled.Sum(e => e.LossTokenCount);
        return new TrainingStep.Outcome(nll / Math.Max(1, lossTokens), GradientClipping.GlobalNorm(_adapter.Gradients.Span), tokens, lossTokens);
    }

    public void Dispose()
    {
        _gradients.Dispose();
        _sum.Dispose();
    }

    private void AddClipped(int start, int count)
    {
        for (var e = 0; e < count; e++)
        {
            // The backward was that of the summed loss; the mean's gradient is a part of it.
            var divisor = _sampled[start + e].LossTokenCount;
            if (divisor == 0)
            {
                continue;
            }

            var gradient = _gradients.Of(e);
            var factor = GradientClipping.Factor(GradientClipping.GlobalNorm(gradient) / divisor, _maximumNorm) / divisor;
            var sum = _sum.Span;
            for (var i = 0; i < gradient.Length; i++)
            {
                sum[i] = MathF.FusedMultiplyAdd(gradient[i], factor, sum[i]);
            }
        }
    }
}

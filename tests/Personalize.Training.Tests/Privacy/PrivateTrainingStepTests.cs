using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Privacy;

public sealed class PrivateTrainingStepTests
{
    private const double Tolerance = 1e-5;
    private const double MaximumNorm = 0.05;
    private static readonly LoraConfiguration Configuration = new(3, 6, false, LoraConfiguration.AllTargets);

    [Theory]
    [InlineData(0)]
    [InlineData(0.4)]
    public void A_packed_batch_gives_each_example_the_gradient_it_has_alone(double dropoutRate)
    {
        using var model = new TinyDecoder(bias: true);
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        var examples = model.Examples(5);
        var dropout = dropoutRate > 0 ? new AdapterDropout(dropoutRate, 3) : null;
        dropout?.Begin(7);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples, dropout: dropout);
        using var gradients = new PerExampleGradients(adapter, examples.Count);
        var batch = new PackedBatch(examples);
        gradients.Begin(batch);
        stack.Accumulate(batch, 1, CancellationToken.None);

        for (var e = 0; e < examples.Count; e++)
        {
            Assert.Equal(Alone(model, pool, examples[e], 1, dropout), gradients.Of(e).ToArray());
        }

        Assert.Equal(-1, adapter.Gradients.Span.IndexOfAnyExcept(0));
    }

    [Theory]
    [InlineData(8, 1000)]
    [InlineData(2, 1000)]
    [InlineData(8, 13)]
    public void The_step_is_the_sum_of_clipped_gradients_and_noise_over_the_expected_size(int mostExamples, int mostTokens)
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        List<TrainingExample> examples = [.. model.Examples(5), new TrainingExample([1, 2, 3], 3)];
        const double Rate = 0.6;
        const double Noise = 0.3;
        var sampled = new List<int>();
        var source = new GaussianNoise(new SeededRandomSource(11));
        source.Sample(examples.Count, Rate, sampled.Add);
        var expected = new float[adapter.Parameters.Length];
        foreach (var gradient in sampled.Where(i => examples[i].LossTokenCount > 0).Select(i => Alone(model, pool, examples[i], 1f / examples[i].LossTokenCount)))
        {
            var norm = GradientClipping.GlobalNorm(gradient);
            Assert.True(norm > MaximumNorm);
            for (var i = 0; i < expected.Length; i++)
            {
                expected[i] += (float)(gradient[i] * MaximumNorm / norm);
            }
        }

        source.Add(expected, Noise * MaximumNorm, 1 / (Rate * examples.Count));
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        using var step = new PrivateTrainingStep(stack, adapter, new SubsampledGaussian(Rate, Noise, 1), MaximumNorm, new MicroBatchCapacity(mostTokens, mostExamples), new SeededRandomSource(11));
        var outcome = step.Compute(examples, CancellationToken.None);

        Assert.InRange(sampled.Count, 2, examples.Count);
        Assert.Equal(sampled.Sum(i => examples[i].Length), outcome.Tokens);
        Assert.Equal(sampled.Sum(i => examples[i].LossTokenCount), outcome.LossTokens);
        Assert.Equal(GradientClipping.GlobalNorm(adapter.Gradients.Span), outcome.GradientNorm);
        Assert.InRange(Largest(expected.Zip(adapter.Gradients.Span.ToArray(), (a, b) => a - b)) / Largest(expected), 0, Tolerance);
    }

    [Fact]
    public void A_gradient_within_the_norm_is_left_as_it_is()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        using var adapter = Adapter(model);
        var examples = model.Examples(1);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        const double LargeNorm = 1e3;
        using var step = new PrivateTrainingStep(stack, adapter, new SubsampledGaussian(1, SubsampledGaussian.MinimumNoise, 1), LargeNorm, new MicroBatchCapacity(1000, 1), new SilentSource());
        step.Compute(examples, CancellationToken.None);
        var expected = Alone(model, pool, examples[0], 1f / examples[0].LossTokenCount);
        Assert.InRange(Largest(expected.Zip(adapter.Gradients.Span.ToArray(), (a, b) => a - b)) / Largest(expected), 0, Tolerance);
    }

    [Fact]
    public void An_empty_slot_is_drawn_like_the_others_and_adds_nothing()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var examples = model.Examples(3);
        float[] Gradients(IReadOnlyList<TrainingExample?> slots)
        {
            using var adapter = Adapter(model);
            using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
            using var step = new PrivateTrainingStep(stack, adapter, new SubsampledGaussian(1, 1, 1), MaximumNorm, new MicroBatchCapacity(1000, 3), new SeededRandomSource(5));
            step.Compute(slots, CancellationToken.None);
            return adapter.Gradients.Span.ToArray();
        }

        // The same draws and the same divisor: all that is missing is a third of the erased example's clipped gradient.
        var difference = Gradients(examples).Zip(Gradients([examples[0], null, examples[2]]), (a, b) => a - b).ToArray();
        var alone = Alone(model, pool, examples[1], 1f / examples[1].LossTokenCount);
        var factor = MaximumNorm / GradientClipping.GlobalNorm(alone) / 3;
        Assert.InRange(Largest(alone.Zip(difference, (a, d) => (float)((a * factor) - d))) / Largest(difference), 0, Tolerance);
    }

    [Fact]
    public void A_sample_without_examples_is_noise_alone()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        using var adapter = Adapter(model);
        var examples = model.Examples(2);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        using var step = new PrivateTrainingStep(stack, adapter, new SubsampledGaussian(1e-12, 1, 1), MaximumNorm, new MicroBatchCapacity(1000, 2), new SeededRandomSource(5));
        var outcome = step.Compute(examples, CancellationToken.None);
        Assert.Equal((0d, 0, 0), (outcome.Loss, outcome.Tokens, outcome.LossTokens));
        Assert.True(outcome.GradientNorm > 0);
    }

    private static TrainableAdapter Adapter(TinyDecoder model)
    {
        var adapter = TrainableAdapter.Initialize(model.Description, weights: null, pool: null, Configuration, seed: 4);
        var random = new Random(6);
        foreach (ref var value in adapter.Parameters.Span)
        {
            value += 0.2f * (random.NextSingle() - 0.5f);
        }

        return adapter;
    }

    private static float[] Alone(TinyDecoder model, WorkerPool pool, TrainingExample example, float scale, AdapterDropout? dropout = null)
    {
        using var adapter = Adapter(model);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, [example], dropout: dropout);
        stack.Accumulate(new PackedBatch(example), scale, CancellationToken.None);
        return adapter.Gradients.Span.ToArray();
    }

    private static double Largest(IEnumerable<float> values) => values.Max(Math.Abs);

    /// <summary>All bits set: a radius of sqrt(-2 ln 1) = 0, so no noise at all; for a sampling rate of 1 every example is taken.</summary>
    private sealed class SilentSource : IRandomSource
    {
        public void Fill(Span<byte> bytes) => bytes.Fill(0xFF);
    }
}

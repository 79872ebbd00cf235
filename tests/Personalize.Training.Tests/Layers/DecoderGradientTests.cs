using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

/// <summary>The gradients of a whole decoder, against central differences and against themselves computed in other ways.</summary>
public sealed class DecoderGradientTests
{
    private const float Step = 4e-3f;
    private const double DifferenceTolerance = 5e-3;
    private const double AccumulationTolerance = 1e-6;
    private const float BoundB = 0.3f;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Agree_with_central_differences(bool bias)
    {
        using var model = new TinyDecoder(bias);
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        var examples = model.Examples(3);
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples);
        var gradients = adapter.Gradients.Span.ToArray();

        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        var batch = new PackedBatch(examples);
        var expected = Native.CentralDifferences(adapter.Parameters, Step, () => stack.Evaluate(batch, CancellationToken.None) / batch.Losses.Count);

        Assert.InRange(Native.RelativeError(expected, gradients), 0, DifferenceTolerance);
    }

    [Fact]
    public void Recomputed_activations_give_the_same_bits()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        var examples = model.Examples(4);
        var kept = StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, keptLayers: model.Description.LayerCount);
        var expected = adapter.Gradients.Span.ToArray();
        for (var layers = 1; layers < model.Description.LayerCount; layers++)
        {
            Assert.Equal(kept, StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, keptLayers: layers));
            Assert.Equal(expected, adapter.Gradients.Span.ToArray());
        }
    }

    [Fact]
    public void Micro_batches_give_the_gradients_of_the_whole_batch()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        var examples = model.Examples(4);
        var whole = StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples);
        var expected = adapter.Gradients.Span.ToArray();

        var divided = StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, microBatchTokens: examples.Max(e => e.Length));

        Assert.Equal(whole.LossTokens, divided.LossTokens);
        Assert.Equal(whole.Tokens, divided.Tokens);
        Assert.Equal(whole.Loss, divided.Loss, AccumulationTolerance);
        Assert.Equal(expected, adapter.Gradients.Span.ToArray());
    }

    [Fact]
    public void A_batch_without_loss_tokens_has_loss_zero_and_no_gradient()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        adapter.Gradients.Span.Fill(3);

        var outcome = StepRunner.Compute(model.Description, model.Weights, pool, adapter, [new TrainingExample([1, 2, 3], 3), new TrainingExample([4], 0)]);

        Assert.Equal(0, outcome.LossTokens);
        Assert.Equal(0, outcome.Loss);
        Assert.Equal(0, outcome.GradientNorm);
        Assert.All(adapter.Gradients.Span.ToArray(), g => Assert.Equal(0, g));
    }

    [Fact]
    public void Maps_that_are_not_targets_get_no_pair_and_the_others_keep_their_gradient()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        var examples = model.Examples(2);

        // With B = 0 the model computes the same whichever maps have a pair, so the gradients of B must be the same too.
        using var all = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, new LoraConfiguration(3, 6, false, LoraConfiguration.AllTargets), 11);
        using var some = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, new LoraConfiguration(3, 6, false, [LinearModule.Down, LinearModule.Key]), 11);
        StepRunner.Compute(model.Description, model.Weights, pool, all, examples);
        StepRunner.Compute(model.Description, model.Weights, pool, some, examples);

        var expected = all.CopyGradients().Where(p => p.Module is LinearModule.Down or LinearModule.Key).ToList();
        var actual = some.CopyGradients();
        Assert.Equal(expected.Select(p => (p.Layer, p.Module)), actual.Select(p => (p.Layer, p.Module)));
        for (var i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i].B, actual[i].B);
            Assert.Contains(actual[i].B, g => g != 0);
        }
    }

    private static TrainableAdapter Adapter(TinyDecoder model) =>
        OracleAdapter.Create(model.Description, new LoraConfiguration(3, 6, false, LoraConfiguration.AllTargets), BoundB);
}

using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

/// <summary>Biases trained beside an adapter, on a tiny decoder whose queries, keys and values have some.</summary>
public sealed unsafe class LoraBiasTests
{
    private const float Step = 4e-3f;
    private const double DifferenceTolerance = 5e-3;
    private const double SumTolerance = 1e-6;
    private static readonly LoraConfiguration Configuration = new(3, 6, false, LoraConfiguration.AllTargets) { TrainsBiases = true };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_agree_with_central_differences(bool dora)
    {
        using var model = new TinyDecoder(bias: true);
        using var pool = new WorkerPool(2);
        using var adapter = OracleAdapter.Create(model.Description, Configuration with { UseDora = dora }, 0.3f, weights: model.Weights);
        var examples = model.Examples(3);
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        var batch = new PackedBatch(examples);
        for (var layer = 0; layer < model.Description.LayerCount; layer++)
        {
            foreach (var module in LoraConfiguration.AllTargets)
            {
                var pair = adapter[layer, module]!;
                Assert.Equal(model.Description.HasBias(module), pair.Bias is not null);
                var (expected, actual) = (new List<double>(), new List<float>());
                for (var n = 0; n < pair.OutputSize && pair.Bias is not null; n++)
                {
                    var value = pair.Bias[n];
                    actual.Add(pair.GradientBias[n]);
                    pair.Bias[n] = value + Step;
                    var up = stack.Evaluate(batch, CancellationToken.None);
                    pair.Bias[n] = value - Step;
                    var down = stack.Evaluate(batch, CancellationToken.None);
                    pair.Bias[n] = value;
                    expected.Add((up - down) / (2 * Step) / batch.Losses.Count);
                }

                Assert.True(expected.Count == 0 || Native.RelativeError([.. expected], [.. actual]) < DifferenceTolerance, $"layer {layer} {module}");
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Starts_as_the_base_and_has_the_same_bits_in_micro_batches_and_recomputed(bool dora)
    {
        using var model = new TinyDecoder(bias: true);
        using var pool = new WorkerPool(2);
        var configuration = Configuration with { UseDora = dora };
        using var plain = TrainableAdapter.Initialize(model.Description, model.Weights, pool, configuration with { TrainsBiases = false }, 4);
        using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool, configuration, 4);
        Assert.Equal(TrainableAdapter.ParameterCount(model.Description, configuration), adapter.Parameters.Length);
        Assert.Equal(model.Description.LayerCount * (model.Description.QuerySize + (2 * model.Description.KeyValueSize)), adapter.Parameters.Length - plain.Parameters.Length);
        var examples = model.Examples(4);
        var loss = StepRunner.Compute(model.Description, model.Weights, pool, plain, examples).Loss;
        Assert.Equal(loss, StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples).Loss);
        foreach (var (with, without) in adapter.CopyGradients().Zip(plain.CopyGradients()))
        {
            Assert.Equal(without.A, with.A);
            Assert.Equal(without.B, with.B);
            Assert.Equal(without.Magnitude, with.Magnitude);
        }

        var expected = adapter.Gradients.Span.ToArray();
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, keptLayers: 1, microBatchTokens: examples.Max(e => e.Length));
        Assert.Equal(expected, adapter.Gradients.Span.ToArray());
    }

    [Fact]
    public void Halves_give_the_gradients_of_the_whole_and_the_same_bits_on_any_number_of_threads()
    {
        using var model = new TinyDecoder(bias: true);
        var examples = model.Examples(5);
        var recipe = new LoraRecipe { Rank = 3, Alpha = 6, ExamplesPerStep = 5, TrainBiases = true };
        using var adapter = OracleAdapter.Create(model.Description, recipe.Configuration, 0.3f, weights: model.Weights);
        using var one = new WorkerPool(1);
        StepRunner.Compute(model.Description, model.Weights, one, adapter, examples);
        var expected = adapter.Gradients.Span.ToArray();
        float[]? bits = null;
        foreach (var threads in new[] { 1, 2, 5 })
        {
            using var pool = new WorkerPool(threads);
            using var lanes = new AdapterLanes(model.Description, model.Weights, pool, adapter, TrainingPlan.Choose(model.Description, recipe, new TrainingMemory(), threads, examples), dropout: null);
            lanes.Compute(examples, CancellationToken.None);
            var gradients = adapter.Gradients.Span.ToArray();
            Assert.Equal(bits ??= gradients, gradients);
            Assert.InRange(OracleAdapter.RelativeError(expected, gradients), 0, SumTolerance);
        }
    }
}

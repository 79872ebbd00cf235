using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

/// <summary>DoRA on a tiny decoder; the whole backward is compared with PEFT's by the oracle tests.</summary>
public sealed unsafe class DoraTests
{
    private const float Step = 4e-3f;
    private const double DifferenceTolerance = 5e-3;
    private const double NormTolerance = 1e-6;
    private static readonly LoraConfiguration Configuration = new(3, 6, false, LoraConfiguration.AllTargets)
    {
        UseDora = true,
        Overrides = [new LoraOverride(1, LinearModule.Key, Rank: 5), new LoraOverride(null, LinearModule.Up, Alpha: 2)],
    };

    [Fact]
    public void Norms_are_those_of_the_rows_of_the_formed_sum()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = OracleAdapter.Create(model.Description, Configuration, 0.3f, weights: model.Weights);
        using var state = new DoraState(model.Description, model.Weights, adapter, pool);
        state.Refresh(pool);
        foreach (var pair in adapter.ToAdapter("base").Pairs)
        {
            var weight = model.Weights.Layers[pair.Layer][pair.Module];
            var row = new float[weight.Columns];
            for (var n = 0; n < weight.Rows; n++)
            {
                weight.ReadRow(n, row);
                var squares = 0d;
                for (var k = 0; k < row.Length; k++)
                {
                    double value = row[k];
                    for (var r = 0; r < pair.Rank; r++)
                    {
                        value += (double)Configuration.GetScale(pair.Layer, pair.Module) * pair.B[(n * pair.Rank) + r] * pair.A[(r * row.Length) + k];
                    }

                    squares += value * value;
                }

                var rows = state[pair.Layer, pair.Module]!;
                Assert.Equal(1, rows.Norms[n] / Math.Sqrt(squares), NormTolerance);
                Assert.Equal(pair.Magnitude![n] / rows.Norms[n], rows.Factors[n]);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Magnitudes_agree_with_central_differences(bool bias)
    {
        using var model = new TinyDecoder(bias);
        using var pool = new WorkerPool(2);
        using var adapter = OracleAdapter.Create(model.Description, Configuration, 0.3f, weights: model.Weights);
        var examples = model.Examples(3);
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        var batch = new PackedBatch(examples);
        var (expected, actual) = (new List<double>(), new List<float>());
        for (var layer = 0; layer < model.Description.LayerCount; layer++)
        {
            foreach (var module in LoraConfiguration.AllTargets)
            {
                // Norms do not depend on magnitudes, so for them alone the truth is the gradient with constant norms.
                var pair = adapter[layer, module]!;
                for (var n = 0; n < pair.OutputSize; n++)
                {
                    var value = pair.Magnitude[n];
                    actual.Add(pair.GradientMagnitude[n]);
                    pair.Magnitude[n] = value + Step;
                    var up = stack.Evaluate(batch, CancellationToken.None);
                    pair.Magnitude[n] = value - Step;
                    var down = stack.Evaluate(batch, CancellationToken.None);
                    pair.Magnitude[n] = value;
                    expected.Add((up - down) / (2 * Step) / batch.Losses.Count);
                }
            }
        }

        Assert.InRange(Native.RelativeError([.. expected], [.. actual]), 0, DifferenceTolerance);
    }

    [Fact]
    public void The_rescaling_agrees_with_its_definition()
    {
        const int Tokens = 5, Size = 70;
        var random = new Random(3);
        using var pool = new WorkerPool(2);
        using var c = Native.Random(random, Tokens * Size);
        using var dy = Native.Random(random, Tokens * Size);
        using var factors = Native.Random(random, Size);
        using var norms = Native.Random(random, Size);
        using var bias = Native.Random(random, Size);
        using var gradient = Native.Random(random, Size);
        var (before, start) = (c.Span.ToArray(), gradient.Span.ToArray());
        using var y = Native.Copy(c);
        RowRescale.Forward(pool, y.Pointer, factors.Pointer, bias.Pointer, Tokens, Size);
        RowRescale.Backward(pool, c.Pointer, dy.Pointer, factors.Pointer, norms.Pointer, gradient.Pointer, Tokens, Size);
        for (var n = 0; n < Size; n++)
        {
            double sum = start[n];
            for (var i = n; i < before.Length; i += Size)
            {
                Assert.Equal((before[i] * factors.Span[n]) + bias.Span[n], y.Span[i], 1e-6f);
                Assert.Equal(dy.Span[i] * factors.Span[n], c.Span[i]);
                sum += (double)dy.Span[i] * before[i] / norms.Span[n];
            }

            Assert.Equal(sum, gradient.Span[n], 1e-4 * Math.Max(1, Math.Abs(sum)));
        }
    }

    [Fact]
    public void Starts_as_the_base_and_has_the_same_bits_in_micro_batches_and_recomputed()
    {
        using var model = new TinyDecoder(bias: true);
        using var pool = new WorkerPool(2);
        using var plain = TrainableAdapter.Initialize(model.Description, null, null, Configuration with { UseDora = false }, 4);
        using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool, Configuration, 4);
        Assert.Equal(TrainableAdapter.ParameterCount(model.Description, Configuration), adapter.Parameters.Length);
        Assert.Equal(5, adapter.Rank);
        var examples = model.Examples(4);
        var loss = StepRunner.Compute(model.Description, model.Weights, pool, plain, examples).Loss;
        Assert.Equal(loss, StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples).Loss, 1e-6);
        var expected = adapter.Gradients.Span.ToArray();
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, keptLayers: 1, microBatchTokens: examples.Max(e => e.Length));
        Assert.Equal(expected, adapter.Gradients.Span.ToArray());
    }
}

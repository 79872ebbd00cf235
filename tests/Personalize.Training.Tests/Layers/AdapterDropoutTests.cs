using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Layers;

public sealed unsafe class AdapterDropoutTests
{
    private const double ShareTolerance = 0.01;
    private const float Step = 4e-3f;
    private const double DifferenceTolerance = 5e-3;

    [Theory]
    [InlineData(0)]
    [InlineData(0.05)]
    [InlineData(0.5)]
    public void Drops_its_share_and_scales_the_rest(double rate)
    {
        const int Tokens = 50, Size = 403;
        var y = Mask(new AdapterDropout(rate, 7), map: 3, [.. Enumerable.Range(0, Tokens).Select(t => AdapterDropout.TokenKey(1, t))], Size);
        var kept = 1 / (1 - (Math.Round(rate * 65536) / 65536));
        Assert.All(y, v => Assert.True(v == 0 || Math.Abs(v - kept) < 1e-6));
        Assert.Equal(rate, y.Count(v => v == 0) / (double)y.Length, ShareTolerance);
    }

    [Fact]
    public void A_mask_depends_on_seed_step_map_example_and_position_and_on_nothing_else()
    {
        const int Size = 64;
        var dropout = new AdapterDropout(0.5, 7);
        dropout.Begin(4);
        var (a, b) = (AdapterDropout.TokenKey(11, 0), AdapterDropout.TokenKey(11, 1));
        var expected = Mask(dropout, 3, [a], Size);
        Assert.Equal(expected, Mask(dropout, 3, [b, a], Size)[Size..]);
        Assert.NotEqual(expected, Mask(dropout, 3, [b], Size));
        Assert.NotEqual(expected, Mask(dropout, 4, [a], Size));
        Assert.NotEqual(expected, Mask(dropout, 3, [AdapterDropout.TokenKey(12, 0)], Size));
        dropout.Begin(5);
        Assert.NotEqual(expected, Mask(dropout, 3, [a], Size));
        var other = new AdapterDropout(0.5, 8);
        other.Begin(4);
        Assert.NotEqual(expected, Mask(other, 3, [a], Size));
        dropout.Begin(4);
        Assert.Equal(expected, Mask(dropout, 3, [a], Size));
    }

    [Fact]
    public void Gradients_agree_with_central_differences_through_the_same_masks()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = OracleAdapter.Create(model.Description, new LoraConfiguration(3, 6, false, LoraConfiguration.AllTargets), 0.3f);
        var examples = model.Examples(3);
        var dropout = new AdapterDropout(0.3, 5);
        dropout.Begin(2);
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, dropout: dropout);
        var gradients = adapter.Gradients.Span.ToArray();

        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples, dropout: dropout);
        var batch = new PackedBatch(examples);
        var expected = Native.CentralDifferences(adapter.Parameters, Step, () => stack.Accumulate(batch, 1, CancellationToken.None) / batch.Losses.Count);
        Assert.InRange(Native.RelativeError(expected, gradients), 0, DifferenceTolerance);
    }

    [Fact]
    public void Recomputation_and_micro_batches_see_the_same_masks()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = OracleAdapter.Create(model.Description, new LoraConfiguration(3, 6, false, LoraConfiguration.AllTargets), 0.3f);
        var examples = model.Examples(4);
        var dropout = new AdapterDropout(0.3, 5);
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, dropout: dropout);
        var expected = adapter.Gradients.Span.ToArray();
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples, keptLayers: 1, microBatchTokens: examples.Max(e => e.Length), dropout: dropout);
        Assert.Equal(expected, adapter.Gradients.Span.ToArray());
        StepRunner.Compute(model.Description, model.Weights, pool, adapter, examples);
        Assert.NotEqual(expected, adapter.Gradients.Span.ToArray());
    }

    /// <summary>A row of ones for each key, with what fell set to 0.</summary>
    private static float[] Mask(AdapterDropout dropout, int map, ulong[] keys, int size)
    {
        using var pool = new WorkerPool(2);
        using var x = new NativeBuffer<float>(keys.Length * size);
        using var y = new NativeBuffer<float>(keys.Length * size);
        x.Span.Fill(1);
        fixed (ulong* k = keys)
        {
            dropout.Apply(pool, k, map, x.Pointer, y.Pointer, keys.Length, size, accumulate: false);
        }

        return y.Span.ToArray();
    }
}

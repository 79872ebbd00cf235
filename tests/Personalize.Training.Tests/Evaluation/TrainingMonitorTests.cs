using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Evaluation;

public sealed class TrainingMonitorTests
{
    private static readonly LoraRecipe Recipe = new() { Rank = 2, ValidationInterval = 5, Patience = 2 };

    [Theory]
    [InlineData(100, 0, 100)]
    [InlineData(100, 0.1, 90)]
    [InlineData(5, 0.1, 4)]
    [InlineData(1, 0.5, 1)]
    [InlineData(2, 0.5, 1)]
    public void The_latest_examples_are_held_back(int count, double share, int train) => Assert.Equal(train, TrainingMonitor.TrainCount(count, share));

    [Fact]
    public void Measures_the_mean_loss_however_the_examples_are_divided()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        var examples = model.Examples(6);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        var expected = new AdapterEvaluator(model.Description, model.Weights, pool).Evaluate(examples, adapter.ToAdapter("base")).MeanNll;
        using var whole = new TrainingMonitor(stack, adapter, examples, Recipe, new MicroBatchCapacity(examples.Sum(e => e.Length), examples.Count));
        using var divided = new TrainingMonitor(stack, adapter, examples, Recipe, new MicroBatchCapacity(examples.Max(e => e.Length), 2));
        Assert.Equal(expected, whole.Measure(CancellationToken.None), 1e-9);
        Assert.Equal(whole.Measure(CancellationToken.None), divided.Measure(CancellationToken.None));
    }

    [Fact]
    public void Keeps_the_best_and_stops_when_patience_is_over()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        using var adapter = Adapter(model);
        var examples = model.Examples(4);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        using var monitor = new TrainingMonitor(stack, adapter, examples, Recipe, new MicroBatchCapacity(examples.Sum(e => e.Length), examples.Count));
        monitor.AfterStep(4, isLast: false, CancellationToken.None);
        Assert.Equal(double.PositiveInfinity, monitor.State.BestLoss);

        monitor.AfterStep(5, isLast: false, CancellationToken.None);
        var best = adapter.Parameters.Span.ToArray();
        Assert.Equal(new MonitorState(monitor.Measure(CancellationToken.None), 5, 0, 5), monitor.State);

        // The same step is not measured twice, the same parameters again are not lower, and what is no number is not lower either.
        monitor.AfterStep(5, isLast: false, CancellationToken.None);
        Assert.Equal(0, monitor.State.Waited);
        monitor.AfterStep(10, isLast: false, CancellationToken.None);
        Assert.False(monitor.HasStopped);
        adapter.Parameters.Span.Fill(float.NaN);
        monitor.AfterStep(11, isLast: true, CancellationToken.None);
        Assert.True(monitor.HasStopped);
        Assert.Equal((5, 2, 11), (monitor.State.BestStep, monitor.State.Waited, monitor.State.MeasuredStep));

        monitor.RestoreBest();
        Assert.Equal(best, adapter.Parameters.Span.ToArray());
    }

    [Fact]
    public void Examples_without_loss_cannot_be_watched()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        using var adapter = Adapter(model);
        var examples = model.Examples(2);
        using var stack = StepRunner.Stack(model.Description, model.Weights, pool, adapter, examples);
        Assert.Throws<ArgumentException>(() => new TrainingMonitor(stack, adapter, [new([1, 2], 2)], Recipe, new MicroBatchCapacity(8, 1)));
    }

    private static TrainableAdapter Adapter(TinyDecoder model) =>
        OracleAdapter.Create(model.Description, new LoraConfiguration(2, 4, false, LoraConfiguration.AllTargets), 0.3f);
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Optimizers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Checkpoints;

/// <summary>Runs that examples held back may end, interrupted and replayed.</summary>
public sealed class EarlyStoppingTests : IDisposable
{
    private const int ExampleCount = 20;
    private const int TrainCount = 14;
    private static readonly LoraRecipe Recipe = new()
    {
        Rank = 2,
        Alpha = 4,
        ExamplesPerStep = 2,
        Epochs = 20,
        LearningRate = 0.03,
        WarmupSteps = 0,
        Schedule = ScheduleKind.Constant,
        Seed = 9,
        Dropout = 0.1,
        LoraPlusRatio = 2,
        ValidationShare = 0.3,
        ValidationInterval = 2,
        Patience = 3,
    };

    private readonly TinyDecoder _model = new();
    private readonly List<TrainingExample?> _examples;

    public EarlyStoppingTests() => _examples = [.. _model.Examples(ExampleCount)];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_run_killed_at_any_moment_stops_where_it_would_have_stopped_with_the_same_adapter()
    {
        var storage = new MemoryCheckpoints();
        var expected = Train(_examples, storage);
        Assert.Equal(Bits(Train(_examples, null)), Bits(expected));

        Assert.InRange(expected.Steps, 8, StepSchedule.Of(Recipe, ExampleCount).Count - 1);
        foreach (var moment in storage.Moments)
        {
            var resumed = Train(_examples, moment.Copy());
            Assert.Equal(Bits(expected), Bits(resumed));
            Assert.Equal(expected.Losses, resumed.Losses);
        }
    }

    [Fact]
    public void What_it_keeps_is_not_what_it_ended_with()
    {
        using var pool = new WorkerPool(1);
        using var run = Start(pool);
        while (!run.IsOver)
        {
            run.Advance(CancellationToken.None);
            run.Measure(CancellationToken.None);
        }

        Assert.True(run.Monitor!.State.BestStep < run.State.Step);
        var last = run.Adapter.Parameters.Span.ToArray();
        Assert.NotEqual(last, run.Monitor.Best.Span.ToArray());
        run.Finish("base");
        Assert.Equal(run.Monitor.Best.Span.ToArray(), run.Adapter.Parameters.Span.ToArray());
    }

    [Fact]
    public void A_measurement_that_was_cut_off_is_taken_again()
    {
        var expected = Train(_examples, null);
        foreach (var steps in new[] { 1, 2, 4, 8 })
        {
            var storage = new MemoryCheckpoints();
            using (var pool = new WorkerPool(1))
            using (var run = Start(pool))
            {
                for (var s = 0; s < steps; s++)
                {
                    run.Measure(CancellationToken.None);
                    run.Advance(CancellationToken.None);
                }

                Assert.True(run.Monitor!.State.MeasuredStep < steps);
                new CheckpointKeeper(new CheckpointOptions { Storage = storage }, Identity(run), run, TimeProvider.System).Save(TimeSpan.Zero);
            }

            Assert.Equal(Bits(expected), Bits(Train(_examples, storage)));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(TrainCount - 1)]
    [InlineData(TrainCount)]
    [InlineData(ExampleCount - 1)]
    [InlineData(3, TrainCount + 2)]
    [InlineData(14, 15, 16, 17, 18, 19)]
    public void A_replay_is_byte_identical_to_a_run_that_never_saw_what_was_erased(params int[] erased)
    {
        var storage = new MemoryCheckpoints();
        Train(_examples, storage);
        var left = _examples.Select((example, i) => erased.Contains(i) ? null : example).ToList();
        var schedule = StepSchedule.Of(Recipe, ExampleCount);
        foreach (var step in storage.Steps.Where(step => erased.Any(slot => schedule.HasSeen(slot, step))))
        {
            storage.Delete(step);
        }

        // Seven steps a pass: quarters lie at 1, 3 and 5, and the first measurement after the second step.
        Assert.Equal(schedule.Milestones(3).Where(step => step <= erased.Min(schedule.FirstUse)).Order(), storage.Steps);
        Assert.Equal(erased.All(slot => slot >= 2), storage.Steps.Contains(1));
        var replayed = Train(left, storage);
        var never = Train(left, null);
        Assert.Equal(Bits(never), Bits(replayed));
        Assert.Equal(never.Losses, replayed.Losses);
    }

    [Fact]
    public void A_checkpoint_that_measured_an_erased_example_is_refused()
    {
        var storage = new MemoryCheckpoints();
        Train(_examples, storage);
        List<TrainingExample?> left = [.. _examples.Take(ExampleCount - 1), null];
        Assert.Equal(CheckpointMismatch.OtherData, Assert.Throws<CheckpointMismatchException>(() => Train(left, storage)).Mismatch);
    }

    [Fact]
    public void Examples_held_back_alone_are_no_run() =>
        Assert.Throws<InsufficientDataException>(() => Train([.. _examples.Select((example, i) => i < TrainCount ? null : example)], null));

    [Fact]
    public void A_held_back_slot_is_first_used_by_the_first_measurement()
    {
        var schedule = new StepSchedule(20, 2, 3, heldBackCount: 6, validationInterval: 4);
        Assert.Equal((14, 21), (schedule.TrainCount, schedule.Count));
        Assert.Equal(Enumerable.Range(0, 7).Select(s => (2 * s)..((2 * s) + 2)), Enumerable.Range(7, 7).Select(schedule.Slots));
        Assert.False(schedule.HasSeen(14, 3));
        Assert.True(schedule.HasSeen(19, 4));
        Assert.True(schedule.HasSeen(19, 21));

        // The end is always measured, however long the interval.
        var rare = new StepSchedule(20, 2, 3, heldBackCount: 6, validationInterval: 100);
        Assert.False(rare.HasSeen(14, 20));
        Assert.True(rare.HasSeen(14, 21));
    }

    private LoraRun Start(WorkerPool pool) =>
        new(_model.Description, _model.Weights, pool, Recipe, new LoraTrainer(_model.Description, _model.Weights, pool, Recipe).Plan(_examples), _examples, mechanism: null, new SeededRandomSource(0));

    private RunIdentity Identity(LoraRun run) => new("base", Recipe, run.Schedule, _examples);

    private TrainingResult Train(List<TrainingExample?> examples, MemoryCheckpoints? storage)
    {
        using var pool = new WorkerPool(2);
        var options = storage is null ? null : new CheckpointOptions { Storage = storage, Interval = TimeSpan.Zero };
        return new LoraTrainer(_model.Description, _model.Weights, pool, Recipe).Run(examples, "base", options);
    }

    private static int[] Bits(TrainingResult result) => [.. result.Adapter.Pairs.SelectMany(pair => pair.A.Concat(pair.B)).Select(BitConverter.SingleToInt32Bits)];
}

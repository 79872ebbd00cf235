using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Checkpoints;

/// <summary>A replay from a checkpoint older than an erased example is the run that never had it.</summary>
public sealed class ForgettingTests : IDisposable
{
    private const int ExampleCount = 14;
    private static readonly LoraRecipe Recipe = new() { Rank = 2, Alpha = 4, ExamplesPerStep = 2, Epochs = 2, LearningRate = 0.02, Seed = 9 };

    private readonly TinyDecoder _model = new();
    private readonly List<TrainingExample?> _examples;

    public ForgettingTests() => _examples = [.. _model.Examples(ExampleCount)];

    public void Dispose() => _model.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(9)]
    [InlineData(13)]
    [InlineData(4, 8, 12)]
    [InlineData(12, 13)]
    public void A_replay_is_byte_identical_to_a_run_that_never_saw_what_was_erased(params int[] erased)
    {
        var storage = new MemoryCheckpoints();
        var before = Train(_examples, storage);
        var left = _examples.Select((example, i) => erased.Contains(i) ? null : example).ToList();
        var schedule = new StepSchedule(ExampleCount, Recipe.ExamplesPerStep, Recipe.Epochs);
        foreach (var step in storage.Steps.Where(step => erased.Any(slot => schedule.HasSeen(slot, step))))
        {
            storage.Delete(step);
        }

        Assert.Equal(schedule.Milestones(3).Where(step => step <= erased.Min(schedule.FirstUse)).Order(), storage.Steps);
        var replayed = Train(left, storage);
        var never = Train(left, null);
        Assert.Equal(Bits(never), Bits(replayed));
        Assert.Equal(never.Losses, replayed.Losses);
        Assert.NotEqual(Bits(before), Bits(replayed));
    }

    [Fact]
    public void An_empty_slot_moves_no_other_example_and_no_rate()
    {
        var left = _examples.Select((example, i) => i == 3 ? null : example).ToList();
        var whole = Train(_examples, null);
        var without = Train(left, null);

        // The step before the slot and the number of steps are as they were.
        Assert.Equal(whole.Steps, without.Steps);
        Assert.Equal(whole.Losses[0], without.Losses[0]);
        Assert.Equal(whole.TrainTokens - (2 * _examples[3]!.Length), without.TrainTokens);
    }

    [Fact]
    public void A_step_of_which_everything_was_erased_is_taken_without_a_gradient()
    {
        List<TrainingExample?> left = [null, null, .. _examples.Skip(2)];
        var result = Train(left, null);
        Assert.Equal(0, result.Losses[0]);
        Assert.Equal(0, result.GradientNorms[0]);
        Assert.True(result.Losses[1] > 0);
    }

    [Fact]
    public void Nothing_left_is_no_run() => Assert.Throws<InsufficientDataException>(() => Train([.. _examples.Select(_ => (TrainingExample?)null)], null));

    [Fact]
    public void A_checkpoint_that_saw_the_example_is_refused()
    {
        var storage = new MemoryCheckpoints();
        Train(_examples, storage);
        var left = _examples.Select((example, i) => i == 3 ? null : example).ToList();
        Assert.Equal(CheckpointMismatch.OtherData, Assert.Throws<CheckpointMismatchException>(() => Train(left, storage)).Mismatch);
    }

    [Theory]
    [InlineData(10, 4, 3)]
    [InlineData(1, 1, 5)]
    [InlineData(7, 100, 1)]
    public void Steps_cover_every_slot_once_a_pass_and_know_when_it_is_first_used(int slots, int perStep, int epochs)
    {
        var schedule = new StepSchedule(slots, perStep, epochs);
        var used = Enumerable.Range(0, schedule.Count).SelectMany(step => Enumerable.Range(0, slots).Take(schedule.Slots(step))).ToList();
        Assert.Equal(Enumerable.Repeat(Enumerable.Range(0, slots), epochs).SelectMany(pass => pass), used);
        for (var slot = 0; slot < slots; slot++)
        {
            var first = schedule.FirstUse(slot);
            Assert.Contains(slot, Enumerable.Range(0, slots).Take(schedule.Slots(first)));
            Assert.False(schedule.HasSeen(slot, first));
            Assert.True(schedule.HasSeen(slot, first + 1));
        }

        Assert.All(schedule.Milestones(3), step => Assert.InRange(step, 1, schedule.Count));
    }

    private TrainingResult Train(List<TrainingExample?> examples, MemoryCheckpoints? storage)
    {
        using var pool = new WorkerPool(2);
        var options = storage is null ? null : new CheckpointOptions { Storage = storage };
        return new LoraTrainer(_model.Description, _model.Weights, pool, Recipe).Run(examples, "base", options);
    }

    private static int[] Bits(TrainingResult result) => [.. result.Adapter.Pairs.SelectMany(pair => pair.A.Concat(pair.B)).Select(BitConverter.SingleToInt32Bits)];
}

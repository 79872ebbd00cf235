using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Checkpoints;

public sealed class ResumeTests : IDisposable
{
    private const int ExampleCount = 11;
    private static readonly LoraRecipe Recipe = new() { Rank = 2, Alpha = 4, ExamplesPerStep = 2, Epochs = 2, LearningRate = 0.02, WeightDecay = 0.1, Seed = 9 };

    private readonly TinyDecoder _model = new();
    private readonly List<TrainingExample?> _examples;

    public ResumeTests() => _examples = [.. _model.Examples(ExampleCount)];

    public void Dispose() => _model.Dispose();

    [Fact]
    public void A_run_killed_at_any_moment_gives_the_same_adapter_on_any_number_of_threads()
    {
        var expected = Train(null).Result;
        var storage = new MemoryCheckpoints();
        Assert.Equal(Bits(expected), Bits(Train(storage).Result));
        Assert.True(storage.Moments.Count > 20);
        foreach (var (moment, i) in storage.Moments.Select((moment, i) => (moment, i)))
        {
            var resumed = Train(moment.Copy(), threads: 1 + (i % 3)).Result;
            Assert.Equal(Bits(expected), Bits(resumed));
            Assert.Equal(expected.Losses, resumed.Losses);
            Assert.Equal(expected.GradientNorms, resumed.GradientNorms);
            Assert.Equal(expected.TrainTokens, resumed.TrainTokens);
        }
    }

    [Fact]
    public void Biases_come_back_from_a_checkpoint()
    {
        using var model = new TinyDecoder(bias: true);
        using var pool = new WorkerPool(2);
        var recipe = new LoraRecipe { Rank = 2, Alpha = 4, ExamplesPerStep = 2, LearningRate = 0.02, WeightDecay = 0.1, TrainBiases = true };
        float[] Run(MemoryCheckpoints storage) => [.. new LoraTrainer(model.Description, model.Weights, pool, recipe)
            .Run([.. _examples], "base", new CheckpointOptions { Storage = storage, Interval = TimeSpan.Zero }).Adapter.Pairs.SelectMany(pair => pair.A.Concat(pair.Bias ?? []))];
        var storage = new MemoryCheckpoints();
        var expected = Run(storage);
        Assert.Equal(expected, Run(storage.Moments[storage.Moments.Count / 2].Copy()));
    }

    [Fact]
    public void A_run_cancelled_again_and_again_keeps_its_last_whole_step_each_time()
    {
        var expected = Bits(Train(null).Result);
        var storage = new MemoryCheckpoints();
        var sessions = 0;
        while (true)
        {
            var before = storage.Steps is [.., var latest] ? latest : 0;
            using var source = new CancellationTokenSource();
            var after = 1 + (sessions % 3);
            try
            {
                var result = Train(storage, threads: 1 + (sessions % 2), interval: TimeSpan.FromHours(1), cancellation: source, stepsBeforeCancellation: after).Result;
                Assert.Equal(expected, Bits(result));
                break;
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(before + after, storage.Steps[^1]);
                sessions++;
            }
        }

        Assert.True(sessions >= 5);
    }

    [Fact]
    public void Memory_may_change_between_sessions()
    {
        var expected = Bits(Train(null).Result);
        var smallest = Assert.Throws<MemoryBudgetException>(() => Train(null, memory: new TrainingMemory { BudgetBytes = 1 })).RequiredBytes;
        Assert.Equal(expected, Bits(Train(At(5), memory: new TrainingMemory { BudgetBytes = smallest }).Result));
        Assert.Equal(expected, Bits(Train(At(5), memory: new TrainingMemory { Activations = ActivationPolicy.Recompute }).Result));
    }

    [Fact]
    public void A_finished_run_gives_its_result_again_without_a_step()
    {
        var storage = new MemoryCheckpoints();
        var first = Train(storage).Result;
        var (again, reports) = Train(storage);
        Assert.Equal(Bits(first), Bits(again));
        Assert.Equal(0, reports);
        Assert.Equal(0, again.CheckpointCount);
    }

    [Fact]
    public void Only_milestones_and_the_latest_stay()
    {
        var storage = new MemoryCheckpoints();
        Train(storage);

        // Six steps a pass: quarters lie at 1, 3 and 4.
        Assert.Equal([1, 3, 4, 12], storage.Steps);
        Assert.All(storage.Moments, moment => Assert.True(moment.Steps.Count <= 5));
    }

    [Fact]
    public void Checkpoints_are_written_by_time_and_their_cost_is_told()
    {
        var storage = new MemoryCheckpoints();
        var result = Train(storage, interval: TimeSpan.FromHours(1)).Result;
        Assert.Equal(4, result.CheckpointCount);
        Assert.True(result.CheckpointElapsed > TimeSpan.Zero);
        Assert.True(result.CheckpointElapsed < result.Elapsed);
        Assert.Equal(12, Train(new MemoryCheckpoints(), interval: TimeSpan.Zero).Result.CheckpointCount);
    }

    [Fact]
    public void A_full_disk_stops_the_run_and_leaves_the_last_good_checkpoint()
    {
        var expected = Bits(Train(null).Result);
        var storage = At(2);
        storage.Capacity = storage.Steps.Sum(step => (long)storage[step].Length) + 100;
        Assert.Throws<IOException>(() => Train(storage));
        Assert.Equal([1, 2], storage.Steps);
        storage.Capacity = long.MaxValue;
        Assert.Equal(expected, Bits(Train(storage).Result));
    }

    [Fact]
    public void A_checkpoint_of_another_base_recipe_or_data_is_refused()
    {
        CheckpointMismatch Refused(LoraRecipe? recipe = null, IReadOnlyList<TrainingExample?>? examples = null, string fingerprint = "base") =>
            Assert.Throws<CheckpointMismatchException>(() => Train(At(3), recipe: recipe, examples: examples, fingerprint: fingerprint)).Mismatch;

        Assert.Equal(CheckpointMismatch.OtherBase, Refused(fingerprint: "other"));
        Assert.Equal(CheckpointMismatch.OtherRecipe, Refused(new LoraRecipe { Rank = 2, Alpha = 4, ExamplesPerStep = 2, Epochs = 2, LearningRate = 0.02, WeightDecay = 0.1, Seed = 10 }));
        Assert.Equal(CheckpointMismatch.OtherRecipe, Refused(new LoraRecipe { Rank = 3, Alpha = 4, ExamplesPerStep = 2, Epochs = 2, LearningRate = 0.02, WeightDecay = 0.1, Seed = 9 }));
        Assert.Equal(CheckpointMismatch.OtherData, Refused(examples: [.. _examples.Skip(1)]));
        Assert.Equal(CheckpointMismatch.OtherData, Refused(examples: [.. _examples.Take(5), null, .. _examples.Skip(6)]));
        var ids = _examples[0]!.Ids.ToArray();
        ids[^1] ^= 1;
        Assert.Equal(CheckpointMismatch.OtherData, Refused(examples: [new TrainingExample(ids, _examples[0]!.PromptLength), .. _examples.Skip(1)]));
        Assert.Equal(CheckpointMismatch.OtherData, Refused(examples: [new TrainingExample(_examples[0]!.Ids.ToArray(), _examples[0]!.PromptLength + 1), .. _examples.Skip(1)]));
    }

    [Fact]
    public void A_checkpoint_cut_anywhere_or_with_something_after_it_is_refused()
    {
        var whole = At(3)[3];
        foreach (var length in Enumerable.Range(0, 40).Concat([whole.Length / 3, whole.Length / 2, whole.Length - 5, whole.Length - 1]))
        {
            var error = Assert.Throws<StoreIntegrityException>(() => Train(With(whole[..length])));
            Assert.Equal("checkpoint 3", error.Path);
        }

        Assert.Equal(StoreIntegrityError.Malformed, Assert.Throws<StoreIntegrityException>(() => Train(With([.. whole, 0]))).Error);
    }

    [Fact]
    public void A_newer_or_nonsensical_header_is_refused()
    {
        var whole = At(3)[3];
        MemoryCheckpoints Changed(string from, string to)
        {
            Assert.Equal(from.Length, to.Length);
            var text = Encoding.Latin1.GetString(whole);
            Assert.Contains(from, text, StringComparison.Ordinal);
            return With(Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal)));
        }

        Assert.Equal(2, Assert.Throws<ProfileVersionException>(() => Train(Changed("\"version\":1", "\"version\":2"))).Found);
        Assert.Equal(StoreIntegrityError.Malformed, Assert.Throws<StoreIntegrityException>(() => Train(Changed("\"optimizerStep\":3", "\"optimizerStep\":9"))).Error);
        Assert.Throws<StoreIntegrityException>(() => Train(Changed("\"tokens\":", "\"tokans\":")));
        Assert.Throws<StoreIntegrityException>(() => Train(Changed("rank", "ronk")));
        Assert.Throws<CheckpointMismatchException>(() => Train(Changed("\"step\":3", "\"step\":4")));

        // One that sums in another order, and one from before that was written down.
        foreach (var other in new[] { "\"arithmetic\":1", "\"arithmetik\":2" })
        {
            Assert.Equal(CheckpointMismatch.OtherArithmetic, Assert.Throws<CheckpointMismatchException>(() => Train(Changed("\"arithmetic\":4", other))).Mismatch);
        }
    }

    /// <summary>The storage as a kill right after some step leaves it.</summary>
    private MemoryCheckpoints At(int step)
    {
        var storage = new MemoryCheckpoints();
        using var source = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Train(storage, cancellation: source, stepsBeforeCancellation: step));
        Assert.Equal(step, storage.Steps[^1]);
        return storage;
    }

    private static MemoryCheckpoints With(byte[] content) => new() { [3] = content };

    private (TrainingResult Result, int Reports) Train(
        MemoryCheckpoints? storage,
        int threads = 2,
        TimeSpan interval = default,
        LoraRecipe? recipe = null,
        IReadOnlyList<TrainingExample?>? examples = null,
        string fingerprint = "base",
        TrainingMemory? memory = null,
        CancellationTokenSource? cancellation = null,
        int stepsBeforeCancellation = 0)
    {
        using var pool = new WorkerPool(threads);
        var reports = new StepCount(count =>
        {
            if (count == stepsBeforeCancellation)
            {
                cancellation?.Cancel();
            }
        });
        var options = storage is null ? null : new CheckpointOptions { Storage = storage, Interval = interval };
        var result = new LoraTrainer(_model.Description, _model.Weights, pool, recipe ?? Recipe, memory).Run(examples ?? _examples, fingerprint, options, reports, cancellation?.Token ?? default);
        return (result, reports.Count);
    }

    private static int[] Bits(TrainingResult result) => [.. result.Adapter.Pairs.SelectMany(pair => pair.A.Concat(pair.B)).Select(BitConverter.SingleToInt32Bits)];

    private sealed class StepCount(Action<int> then) : IProgress<TrainingProgress>
    {
        public int Count { get; private set; }

        public void Report(TrainingProgress value) => then(++Count);
    }
}

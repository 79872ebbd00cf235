using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Optimizers;
using Personalize.Training.Pretraining;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Pretraining;

public sealed class PretrainerTests
{
    /// <summary>Rounding to 8 bits moves the mean loss of an untrained model by far less.</summary>
    private const double RoundedTolerance = 0.01;

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Muon)]
    public void Learns_dialogues(OptimizerKind optimizer)
    {
        using var pool = new WorkerPool(2);
        using var result = new Pretrainer(Recipe(optimizer, epochs: 6), pool).Run(Corpus());
        Assert.Equal(result.Steps, result.Curve[^1].Step);
        Assert.InRange(result.Curve[^1].DevLoss, 0, 0.6 * Math.Log(result.Description.VocabularySize));
        Assert.Equal(30, result.Dialogues);
        Assert.Equal(10, result.LeftOut);
        Assert.Equal(6 * result.EpochTokens, result.TrainTokens);
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.Muon)]
    public void An_interrupted_run_gives_the_same_bits_on_any_number_of_threads(OptimizerKind optimizer)
    {
        var expected = Bytes(Recipe(optimizer), 1, checkpoints: null);
        var checkpoints = new MemoryCheckpoints();
        foreach (var steps in new[] { 1, 3, 4 })
        {
            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => Bytes(Recipe(optimizer), 2, checkpoints, new StopAfter(steps, stop), stop.Token));
        }

        Assert.Equal(8, Assert.Single(checkpoints.Steps));
        Assert.Equal(expected, Bytes(Recipe(optimizer), 1, checkpoints));

        // Finished: nothing is left to do, and the result is there again.
        Assert.Equal(expected, Bytes(Recipe(optimizer), 2, checkpoints));
        Assert.NotEqual(expected, Bytes(Recipe(optimizer, seed: 2), 1, checkpoints: null));
    }

    [Fact]
    public void A_killed_write_leaves_a_state_to_go_on_from()
    {
        var checkpoints = new MemoryCheckpoints();
        var expected = Bytes(Recipe(), 1, checkpoints);
        foreach (var moment in checkpoints.Moments.Where((_, i) => i % 5 == 2))
        {
            Assert.Equal(expected, Bytes(Recipe(), 1, moment.Copy()));
        }
    }

    [Fact]
    public void A_checkpoint_of_another_run_or_a_damaged_one_is_refused()
    {
        var checkpoints = new MemoryCheckpoints();
        Bytes(Recipe(), 1, checkpoints);
        Assert.Equal(CheckpointMismatch.OtherRecipe, Assert.Throws<CheckpointMismatchException>(() => Bytes(Recipe(seed: 2), 1, checkpoints.Copy())).Mismatch);
        Assert.Equal(CheckpointMismatch.OtherShape, Assert.Throws<CheckpointMismatchException>(() => Bytes(Recipe(layers: 3), 1, checkpoints.Copy())).Mismatch);
        Assert.Equal(CheckpointMismatch.OtherData, Assert.Throws<CheckpointMismatchException>(() => Bytes(Recipe(dialogues: 29), 1, checkpoints.Copy())).Mismatch);
        var (step, whole) = (checkpoints.Steps[0], checkpoints[checkpoints.Steps[0]]);
        foreach (var length in new[] { 0, 3, 40, whole.Length - 1 })
        {
            checkpoints[step] = whole[..length];
            Assert.Throws<StoreIntegrityException>(() => Bytes(Recipe(), 1, checkpoints.Copy()));
        }

        checkpoints[step] = [.. whole, 0];
        Assert.Equal(StoreIntegrityError.Malformed, Assert.Throws<StoreIntegrityException>(() => Bytes(Recipe(), 1, checkpoints.Copy())).Error);

        // One whose steps summed in another order.
        var text = Encoding.Latin1.GetString(whole);
        Assert.Contains("\"arithmetic\":2", text, StringComparison.Ordinal);
        checkpoints[step] = Encoding.Latin1.GetBytes(text.Replace("\"arithmetic\":2", "\"arithmetic\":1", StringComparison.Ordinal));
        Assert.Equal(CheckpointMismatch.OtherArithmetic, Assert.Throws<CheckpointMismatchException>(() => Bytes(Recipe(), 1, checkpoints.Copy())).Mismatch);
    }

    [Theory]
    [InlineData(GgmlType.F32, 0)]
    [InlineData(GgmlType.Q8_0, RoundedTolerance)]
    public void The_file_holds_the_model(GgmlType type, double tolerance)
    {
        using var pool = new WorkerPool(2);
        using var result = new Pretrainer(Recipe(type: type), pool).Run(Corpus());
        var path = Path.Combine(Directory.CreateTempSubdirectory("personalize-pretraining-").FullName, "model.gguf");
        try
        {
            using (var stream = File.Create(path))
            {
                result.ToGguf().Write(stream);
            }

            using var file = GgufFile.Open(path);
            using var model = DecoderModel.Load(file);
            Assert.Equal(result.Description, model.Description with { RotaryFactors = result.Description.RotaryFactors });
            Assert.Equal("CC0-1.0", file.Metadata.GetString("general.license"));
            var format = ChatFormat.Load(file.Metadata, TimeProvider.System);
            var ids = format.EncodePrompt([new PromptMessage("user", "A table <|end|>"), new PromptMessage("assistant", "Yes.")], addGenerationPrompt: true);
            Assert.Equal("<|user|>A table <|end|><|end|><|assistant|>Yes.<|end|><|assistant|>", format.Tokenizer.Decode(ids, includeSpecialTokens: true));
            Assert.Equal(2, ids.Count(id => id == format.Tokenizer.EndOfTurn));
            var examples = new[] { new TrainingExample(ids, 0) };
            var expected = new AdapterEvaluator(result.Description, result.Weights, pool).Evaluate(examples).MeanNll;
            Assert.Equal(expected, new AdapterEvaluator(model.Description, model.Weights, pool).Evaluate(examples).MeanNll, tolerance);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    [Fact]
    public void Too_little_text_is_refused()
    {
        using var pool = new WorkerPool(1);
        Assert.Throws<InsufficientDataException>(() => new Pretrainer(Recipe(), pool).Run(new PretrainingCorpus([], Corpus().Dev)));
        Assert.Equal("tokenizer.vocabularySize", Assert.Throws<RecipeException>(() => new Pretrainer(Recipe(vocabulary: 5000), pool).Run(Corpus())).Setting);
    }

    [Fact]
    public void A_constant_schedule_with_a_decay_at_its_end_can_be_made_longer_on_the_way()
    {
        var checkpoints = new MemoryCheckpoints();
        using var stop = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Bytes(Recipe(schedule: ScheduleKind.Constant, steps: 8), 1, checkpoints, new StopAfter(6, stop), stop.Token));
        var longer = Bytes(Recipe(schedule: ScheduleKind.Constant), 1, checkpoints.Copy());
        Assert.Equal(Bytes(Recipe(schedule: ScheduleKind.Constant), 1, checkpoints: null), longer);
        Assert.NotEqual(longer, Bytes(Recipe(schedule: ScheduleKind.Constant, steps: 8), 1, checkpoints.Copy()));

        // Of six steps the last has another rate; five are over.
        Assert.Throws<CheckpointMismatchException>(() => Bytes(Recipe(schedule: ScheduleKind.Constant, steps: 6), 1, checkpoints.Copy()));
        Assert.Throws<CheckpointMismatchException>(() => Bytes(Recipe(schedule: ScheduleKind.Constant, steps: 5), 1, checkpoints.Copy()));
    }

    private static byte[] Bytes(PretrainingRecipe recipe, int threads, MemoryCheckpoints? checkpoints, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var pool = new WorkerPool(threads);
        var options = checkpoints is null ? null : new CheckpointOptions { Storage = checkpoints, Interval = TimeSpan.Zero };
        using var result = new Pretrainer(recipe, pool).Run(Corpus(), options, progress, measured: null, cancellationToken);
        using var stream = new MemoryStream();
        result.ToGguf().Write(stream);
        return stream.ToArray();
    }

    private static PretrainingRecipe Recipe(
        OptimizerKind optimizer = OptimizerKind.AdamW, ScheduleKind schedule = ScheduleKind.Cosine, int steps = 0, int epochs = 2, ulong seed = 1, int layers = 2, int dialogues = 0, int vocabulary = 320, GgmlType type = GgmlType.F32) => new()
        {
            Name = "tiny",
            Source = "made for this test",
            Licence = "CC0-1.0",
            Train = ["t"],
            Dev = ["d"],
            LeaveOut = ["rain"],
            Dialogues = dialogues,
            VocabularySize = vocabulary,
            Shape = new PretrainingShape { Layers = layers, Hidden = 64, Intermediate = 96, Heads = 2, KeyValueHeads = 1, HeadDimension = 32, ContextLength = 64 },
            Training = new WeightRecipe { LearningRate = 0.01, WarmupSteps = 2, ExamplesPerStep = 6, MaximumTokens = 48, Epochs = epochs, Shuffle = true, Optimizer = optimizer, Schedule = schedule, DecayShare = 0.25, Steps = steps, Seed = seed },
            MeasureInterval = 4,
            MeasureDialogues = 5,
            MatrixType = type,
            EmbeddingType = type,
        };

    /// <summary>Dialogues about tables, films and, left out, rain; varied enough for a vocabulary.</summary>
    private static PretrainingCorpus Corpus()
    {
        var random = new Random(5);
        string Word() => string.Concat(Enumerable.Range(0, 2 + random.Next(3)).Select(_ => "ba be bi bo da de di do ka ke ki ko ma me mi mo".Split(' ')[random.Next(16)]));
        IReadOnlyList<PromptMessage> Talk(string about) =>
        [
            .. Enumerable.Range(0, 1 + random.Next(4)).SelectMany(_ => new[]
            {
                new PromptMessage("user", $"I would like {about} in {Word()} at {random.Next(12)} for {Word()}."),
                new PromptMessage("assistant", $"There is {about} in {Word()}, is {Word()} at {random.Next(12)} right?"),
            }),
        ];
        return new PretrainingCorpus(
            [.. Enumerable.Range(0, 40).Select(i => Talk(i % 4 == 3 ? "rain" : i % 4 == 0 ? "a table" : "a film"))],
            [.. Enumerable.Range(0, 6).Select(_ => Talk("a table"))]);
    }

    private sealed class StopAfter(int steps, CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        private int _left = steps;

        public void Report(TrainingProgress value)
        {
            if (--_left == 0)
            {
                stop.Cancel();
            }
        }
    }
}

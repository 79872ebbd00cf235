using System.Text;
using System.Text.Json.Nodes;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests;

public sealed class LoraTrainerTests
{
    private static readonly LoraRecipe Recipe = new() { Rank = 2, Alpha = 4, ExamplesPerStep = 3, Epochs = 4, LearningRate = 0.02, Seed = 9 };

    [Fact]
    public void Learns_what_it_is_shown_and_reports_every_step()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        var examples = model.Examples(7);
        var reports = new List<TrainingProgress>();
        var time = new SteppingTime();
        var result = new LoraTrainer(model.Description, model.Weights, pool, Recipe, time: time).Run(examples, "base", new Reports(reports));

        Assert.Equal(12, result.Steps);
        Assert.Equal(4 * examples.Sum(e => e.Length), result.TrainTokens);
        Assert.Equal(result.Losses, reports.Select(r => r.Loss));
        Assert.Equal(result.GradientNorms, reports.Select(r => r.GradientNorm));
        Assert.Equal(Enumerable.Range(0, 12), reports.Select(r => r.Step));
        Assert.All(reports, r => Assert.Equal(12, r.TotalSteps));
        Assert.Equal(result.TrainTokens, reports[^1].TrainTokens);
        Assert.True(result.Elapsed > reports[0].Elapsed);
        Assert.Equal(result.TrainTokens / result.Elapsed.TotalSeconds, result.TokensPerSecond);
        Assert.Equal("base", result.Adapter.BaseFingerprint);
        Assert.Equal(Recipe.Configuration, result.Adapter.Configuration);

        var evaluator = new AdapterEvaluator(model.Description, model.Weights, pool);
        var decision = Gate.Decide(evaluator.Evaluate(examples), evaluator.Evaluate(examples, result.Adapter));
        Assert.True(decision.IsPromoted);
        Assert.InRange(decision.GainPercent, 5, 100);
    }

    [Fact]
    public void Neither_threads_nor_memory_change_a_bit_of_the_adapter()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(7);
        var expected = Train(model, examples, 1, new TrainingMemory());
        var smallest = Assert.Throws<MemoryBudgetException>(() => Train(model, examples, 1, new TrainingMemory { BudgetBytes = 1 })).RequiredBytes;
        foreach (var memory in new[] { new TrainingMemory(), new TrainingMemory { Activations = ActivationPolicy.Recompute }, new TrainingMemory { BudgetBytes = smallest } })
        {
            Assert.Equal(expected, Train(model, examples, 2, memory));
        }
    }

    [Theory]
    [InlineData("""{"dora": true, "loraPlusRatio": 4}""")]
    [InlineData("""{"dropout": 0.2, "schedule": "cosine"}""")]
    [InlineData("""{"rankPattern": {"q_proj": 5, "layers.1.mlp.up_proj": 1}, "alphaPattern": {"v_proj": 9}, "schedule": "constant"}""")]
    [InlineData("""{"validationShare": 0.3, "validationInterval": 1, "patience": 1}""")]
    public void Of_no_variant_do_threads_or_memory_change_a_bit(string variant)
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(7);
        var settings = JsonNode.Parse(variant)!.AsObject();
        foreach (var (name, value) in new[] { ("rank", 2.0), ("alpha", 4), ("examplesPerStep", 3), ("epochs", 2), ("learningRate", 0.02), ("warmupSteps", 1) })
        {
            settings[name] = value == Math.Floor(value) ? (int)value : value;
        }

        var recipe = LoraRecipe.FromJson(Encoding.UTF8.GetBytes(settings.ToJsonString()));
        var expected = Train(model, examples, 1, new TrainingMemory(), recipe);
        var smallest = Assert.Throws<MemoryBudgetException>(() => Train(model, examples, 1, new TrainingMemory { BudgetBytes = 1 }, recipe)).RequiredBytes;
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { BudgetBytes = smallest }, recipe));
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { Activations = ActivationPolicy.Recompute }, recipe));
        Assert.NotEqual(expected, Train(model, examples, 1, new TrainingMemory()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Biases_are_trained_of_adapted_maps_that_have_one_whatever_threads_and_memory(bool dora)
    {
        using var model = new TinyDecoder(bias: true);
        var examples = model.Examples(7);
        LoraRecipe Of(bool biases) => new()
        {
            Rank = 2,
            Alpha = 4,
            ExamplesPerStep = 3,
            Epochs = 2,
            LearningRate = 0.02,
            WarmupSteps = 1,
            WeightDecay = 0.1,
            ValidationShare = 0.2,
            UseDora = dora,
            TrainBiases = biases,
            Targets = [LinearModule.Query, LinearModule.Value, LinearModule.Down],
        };
        using var pool = new WorkerPool(2);
        var trained = new LoraTrainer(model.Description, model.Weights, pool, Of(true)).Run(examples, "base").Adapter;
        foreach (var pair in trained.Pairs)
        {
            Assert.Equal(pair.Module != LinearModule.Down, pair.Bias is not null);
            Assert.True(pair.Bias is null || pair.Bias.Zip(BiasOf(model, pair)).All(bias => bias.First != bias.Second));
        }

        Assert.All(new LoraTrainer(model.Description, model.Weights, pool, Of(false)).Run(examples, "base").Adapter.Pairs, pair => Assert.Null(pair.Bias));
        var expected = Train(model, examples, 1, new TrainingMemory(), Of(true));
        Assert.NotEqual(expected, Train(model, examples, 1, new TrainingMemory(), Of(false)));
        var smallest = Assert.Throws<MemoryBudgetException>(() => Train(model, examples, 1, new TrainingMemory { BudgetBytes = 1 }, Of(true))).RequiredBytes;
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { BudgetBytes = smallest }, Of(true)));
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { Activations = ActivationPolicy.Recompute }, Of(true)));
    }

    [Fact]
    public void Stops_when_later_examples_get_worse_and_keeps_the_best()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(2);
        var examples = model.Examples(10);
        LoraTrainer Trainer(double share, int epochs) =>
            new(model.Description, model.Weights, pool, new LoraRecipe { Rank = 4, LearningRate = 0.02, WarmupSteps = 0, Epochs = epochs, Schedule = ScheduleKind.Constant, ValidationShare = share, ValidationInterval = 1, Patience = 3 });
        var stopped = Trainer(0.3, 100).Run(examples, "base");
        Assert.InRange(stopped.Steps, 4, 199);

        // What it kept is the adapter of some whole number of steps over the first seven, and no later one among those it took was better.
        var evaluator = new AdapterEvaluator(model.Description, model.Weights, pool);
        var kept = evaluator.Evaluate(examples[7..], stopped.Adapter).MeanNll;
        for (var epochs = 1; 2 * epochs <= stopped.Steps; epochs++)
        {
            Assert.True(kept <= evaluator.Evaluate(examples[7..], Trainer(0, epochs).Run(examples[..7], "base").Adapter).MeanNll + 1e-9);
        }
    }

    [Fact]
    public void One_example_trains_even_where_a_share_would_be_held_back()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var recipe = new LoraRecipe { Rank = 2, ValidationShare = 0.5 };
        Assert.Equal(1, new LoraTrainer(model.Description, model.Weights, pool, recipe).Run(model.Examples(1), "base").Steps);
    }

    [Fact]
    public void Another_seed_gives_another_adapter()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(3);
        Assert.NotEqual(Train(model, examples, 1, new TrainingMemory(), seed: 1), Train(model, examples, 1, new TrainingMemory(), seed: 2));
    }

    [Fact]
    public void The_first_loss_is_the_base_s()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var examples = model.Examples(3);
        var result = new LoraTrainer(model.Description, model.Weights, pool, Recipe).Run(examples, "base");
        Assert.Equal(new AdapterEvaluator(model.Description, model.Weights, pool).Evaluate(examples).MeanNll, result.Losses[0], 1e-12);
    }

    [Fact]
    public void Examples_are_cut_to_the_recipe_and_the_context()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var examples = new[] { new TrainingExample(new int[200], 1) };
        long Tokens(int maximum) => new LoraTrainer(model.Description, model.Weights, pool, new LoraRecipe { Rank = 1, MaximumTokens = maximum }).Run(examples, "base").TrainTokens;
        Assert.Equal(10, Tokens(10));
        Assert.Equal(model.Description.ContextLength, Tokens(128));
    }

    [Fact]
    public void A_masked_step_changes_nothing_at_the_start()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var result = new LoraTrainer(model.Description, model.Weights, pool, Recipe).Run([new TrainingExample([1, 2, 3], 3)], "base");
        Assert.All(result.Losses, loss => Assert.Equal(0, loss));
        Assert.All(result.Adapter.Pairs, pair => Assert.All(pair.B, b => Assert.Equal(0, b)));
    }

    [Fact]
    public void Divergence_stops_the_run_with_its_step_and_loss()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var recipe = new LoraRecipe { Rank = 2, LearningRate = 1e30, WarmupSteps = 0, Epochs = 5 };
        var error = Assert.Throws<TrainingDivergedException>(() => new LoraTrainer(model.Description, model.Weights, pool, recipe).Run(model.Examples(4), "base"));
        Assert.InRange(error.Step, 1, 4);
    }

    [Fact]
    public void Cancellation_stops_the_run()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        using var source = new CancellationTokenSource();
        var reports = new List<TrainingProgress>();
        var trainer = new LoraTrainer(model.Description, model.Weights, pool, Recipe);
        Assert.Throws<OperationCanceledException>(() => trainer.Run(model.Examples(9), "base", new Reports(reports, _ => source.Cancel()), source.Token));
        Assert.Single(reports);
    }

    [Fact]
    public void Bad_input_is_refused_before_anything_is_trained()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        LoraTrainer Trainer(LoraRecipe recipe) => new(model.Description, model.Weights, pool, recipe);
        Assert.Throws<InsufficientDataException>(() => Trainer(Recipe).Run([], "base"));
        Assert.Throws<ArgumentOutOfRangeException>(() => Trainer(Recipe).Run([new TrainingExample([model.Description.VocabularySize], 0)], "base"));
        Assert.Equal("rank", Assert.Throws<RecipeException>(() => Trainer(new LoraRecipe { Rank = 13 })).Setting);
        Assert.Equal("alpha", Assert.Throws<RecipeException>(() => Trainer(new LoraRecipe { Rank = 2, Alpha = float.NaN })).Setting);
        Assert.NotNull(Trainer(new LoraRecipe { Rank = 13, Targets = [LinearModule.Gate] }));
        Assert.Equal("rankPattern", Assert.Throws<RecipeException>(() => Trainer(new LoraRecipe { Rank = 2, Overrides = [new LoraOverride(0, LinearModule.Key, Rank: 13)] })).Setting);
        Assert.Equal("rankPattern", Assert.Throws<RecipeException>(() => Trainer(new LoraRecipe { Rank = 2, Overrides = [new LoraOverride(3, LinearModule.Key, Rank: 1)] })).Setting);
    }

    private static float[] Train(TinyDecoder model, IReadOnlyList<TrainingExample> examples, int threads, TrainingMemory memory, ulong seed) =>
        Train(model, examples, threads, memory, new LoraRecipe { Rank = 2, Alpha = 4, ExamplesPerStep = 3, Epochs = 2, LearningRate = 0.02, Seed = seed });

    private static float[] Train(TinyDecoder model, IReadOnlyList<TrainingExample> examples, int threads, TrainingMemory memory, LoraRecipe? recipe = null)
    {
        using var pool = new WorkerPool(threads);
        recipe ??= new LoraRecipe { Rank = 2, Alpha = 4, ExamplesPerStep = 3, Epochs = 2, LearningRate = 0.02, Seed = 9 };
        var pairs = new LoraTrainer(model.Description, model.Weights, pool, recipe, memory).Run(examples, "base").Adapter.Pairs;
        return [.. pairs.SelectMany(p => p.A.Concat(p.B).Concat(p.Magnitude ?? []).Concat(p.Bias ?? []))];
    }

    private static unsafe float[] BiasOf(TinyDecoder model, LoraPair pair)
    {
        var bias = model.Weights.Layers[pair.Layer].GetBias(pair.Module)!;
        return new ReadOnlySpan<float>(bias.Pointer, bias.Length).ToArray();
    }

    private sealed class Reports(List<TrainingProgress> reports, Action<TrainingProgress>? then = null) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            reports.Add(value);
            then?.Invoke(value);
        }
    }

    /// <summary>A clock that moves a second whenever it is read.</summary>
    private sealed class SteppingTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => ++_now;
    }
}

using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Privacy;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Privacy;

public sealed class PrivateTrainingTests
{
    private static readonly LoraRecipe Recipe = new() { Rank = 2, ExamplesPerStep = 3, Epochs = 2, Seed = 9, DifferentialPrivacy = new DifferentialPrivacy { Epsilon = 8, Delta = 1e-3 } };

    [Fact]
    public void With_the_same_draws_neither_threads_nor_memory_change_a_bit()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(7);
        var expected = Train(model, examples, 1, new TrainingMemory(), new SeededRandomSource(1));
        var smallest = Assert.Throws<MemoryBudgetException>(() => Train(model, examples, 1, new TrainingMemory { BudgetBytes = 1 }, new SeededRandomSource(1))).RequiredBytes;
        foreach (var memory in new[] { new TrainingMemory(), new TrainingMemory { Activations = ActivationPolicy.Recompute }, new TrainingMemory { BudgetBytes = smallest } })
        {
            Assert.Equal(expected, Train(model, examples, 2, memory, new SeededRandomSource(1)));
        }

        Assert.NotEqual(expected, Train(model, examples, 1, new TrainingMemory(), new SeededRandomSource(2)));
    }

    [Fact]
    public void Dropout_and_faster_rates_for_B_leave_the_bits_alone_too()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(7);
        var recipe = new LoraRecipe { Rank = 2, ExamplesPerStep = 3, Epochs = 2, Seed = 9, Dropout = 0.2, LoraPlusRatio = 4, DifferentialPrivacy = Recipe.DifferentialPrivacy };
        var expected = Train(model, examples, 1, new TrainingMemory(), new SeededRandomSource(1), recipe);
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { Activations = ActivationPolicy.Recompute }, new SeededRandomSource(1), recipe));
        Assert.NotEqual(expected, Train(model, examples, 1, new TrainingMemory(), new SeededRandomSource(1)));
    }

    [Fact]
    public void Every_step_may_have_seen_every_example()
    {
        var schedule = StepSchedule.Of(Recipe, 7);
        Assert.Equal(6, schedule.Count);
        Assert.Empty(schedule.Milestones(3));
        for (var slot = 0; slot < 7; slot++)
        {
            Assert.Equal(0, schedule.FirstUse(slot));
            Assert.False(schedule.HasSeen(slot, 0));
            Assert.True(schedule.HasSeen(slot, 1));
        }

        Assert.Equal(7, Enumerable.Range(0, 7).Take(schedule.Slots(5)).Count());
    }

    [Fact]
    public void An_interrupted_run_goes_on_from_its_checkpoint_and_one_without_an_erased_example_does_not()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var examples = model.Examples(7);
        var storage = new MemoryCheckpoints();
        var options = new CheckpointOptions { Storage = storage, Interval = TimeSpan.Zero };
        var whole = new LoraTrainer(model.Description, model.Weights, pool, Recipe).Run(examples, "base", options);
        Assert.Equal([6], storage.Steps);

        var third = storage.Moments.First(moment => moment.Steps is [3]);
        TrainingResult Resume(IReadOnlyList<TrainingExample?> slots, MemoryCheckpoints from) =>
            new LoraTrainer(model.Description, model.Weights, pool, Recipe) { Random = new SeededRandomSource(4) }.Run(slots, "base", new CheckpointOptions { Storage = from });
        var resumed = Resume(examples, third.Copy());
        Assert.Equal(whole.Losses.Take(3), resumed.Losses.Take(3));
        Assert.Equal(6, resumed.Steps);
        Assert.Equal(resumed.Losses, Resume(examples, third.Copy()).Losses);
        Assert.Throws<CheckpointMismatchException>(() => Resume([.. examples.Take(6), null], third.Copy()));
        Assert.Equal(6, Resume([.. examples.Take(6), null], new MemoryCheckpoints()).Steps);
    }

    [Theory]
    [InlineData("\"dora\":true", "dora")]
    [InlineData("\"trainBiases\":true", "trainBiases")]
    [InlineData("\"validationShare\":0.1", "validationShare")]
    public void What_would_pass_the_noise_by_is_refused(string setting, string name) =>
        Assert.Equal(name, Assert.Throws<RecipeException>(() => LoraRecipe.FromJson(Encoding.UTF8.GetBytes($$"""{"differentialPrivacy":{"epsilon":8},{{setting}}}"""))).Setting);

    [Fact]
    public void Two_runs_of_the_system_s_draws_differ()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(4);
        Assert.NotEqual(Train(model, examples, 1, new TrainingMemory(), null), Train(model, examples, 1, new TrainingMemory(), null));
    }

    [Fact]
    public void The_plan_keeps_to_the_recipe_s_epsilon()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var plan = new LoraTrainer(model.Description, model.Weights, pool, Recipe).PlanPrivacy(7);
        Assert.NotNull(plan);
        Assert.Equal(3 / 7d, plan.SamplingRate);
        Assert.Equal(6, plan.Steps);
        Assert.InRange(PldAccountant.Epsilon([plan], 1e-3), 7.5, 8);
        Assert.Null(new LoraTrainer(model.Description, model.Weights, pool, new LoraRecipe { Rank = 2 }).PlanPrivacy(7));
    }

    [Fact]
    public void Memory_for_the_examples_gradients_is_planned()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        var examples = model.Examples(7);
        TrainingPlan Plan(LoraRecipe recipe) => new LoraTrainer(model.Description, model.Weights, pool, recipe).Plan(examples);
        var plain = Plan(new LoraRecipe { Rank = 2, ExamplesPerStep = 1 });
        Assert.Equal(3 * plain.AdapterBytes, Plan(Recipe).AdapterBytes);
    }

    [Fact]
    public void The_setting_survives_its_JSON_form()
    {
        var recipe = new LoraRecipe { DifferentialPrivacy = new DifferentialPrivacy { Epsilon = 2.5, Delta = 1e-6, MaximumExampleNorm = 0.25 } };
        var read = LoraRecipe.FromJson(recipe.ToJson()).DifferentialPrivacy!;
        Assert.Equal((2.5, 1e-6, 0.25), (read.Epsilon, read.Delta, read.MaximumExampleNorm));
        Assert.Null(LoraRecipe.FromJson(new LoraRecipe().ToJson()).DifferentialPrivacy);
        Assert.Null(LoraRecipe.FromJson("""{"differentialPrivacy":null}"""u8.ToArray()).DifferentialPrivacy);
        var defaults = LoraRecipe.FromJson("""{"differentialPrivacy":{"epsilon":8}}"""u8.ToArray()).DifferentialPrivacy!;
        Assert.Equal((8, 1e-5, 1), (defaults.Epsilon, defaults.Delta, defaults.MaximumExampleNorm));
    }

    [Theory]
    [InlineData("""{"epsilon":0}""", "differentialPrivacy.epsilon")]
    [InlineData("""{"epsilon":-1}""", "differentialPrivacy.epsilon")]
    [InlineData("""{"epsilon":"NaN"}""", "differentialPrivacy.epsilon")]
    [InlineData("""{"epsilon":1e400}""", "differentialPrivacy.epsilon")]
    [InlineData("{}", "differentialPrivacy.epsilon")]
    [InlineData("""{"epsilon":8,"delta":0}""", "differentialPrivacy.delta")]
    [InlineData("""{"epsilon":8,"delta":1}""", "differentialPrivacy.delta")]
    [InlineData("""{"epsilon":8,"maximumExampleNorm":0}""", "differentialPrivacy.maximumExampleNorm")]
    [InlineData("""{"epsilon":8,"noise":1}""", "differentialPrivacy")]
    [InlineData("true", "differentialPrivacy")]
    public void A_setting_that_guarantees_nothing_is_refused(string json, string setting) =>
        Assert.Equal(setting, Assert.Throws<RecipeException>(() => LoraRecipe.FromJson(Encoding.UTF8.GetBytes($$"""{"differentialPrivacy":{{json}}}"""))).Setting);

    [Fact]
    public void Not_a_number_is_refused_in_code_too() =>
        Assert.Throws<RecipeException>(() => new LoraRecipe { DifferentialPrivacy = new DifferentialPrivacy { Epsilon = double.NaN } }.Validate());

    private static float[] Train(TinyDecoder model, IReadOnlyList<TrainingExample> examples, int threads, TrainingMemory memory, IRandomSource? random, LoraRecipe? recipe = null)
    {
        using var pool = new WorkerPool(threads);
        var trainer = random is null
            ? new LoraTrainer(model.Description, model.Weights, pool, recipe ?? Recipe, memory)
            : new LoraTrainer(model.Description, model.Weights, pool, recipe ?? Recipe, memory) { Random = random };
        return [.. trainer.Run(examples, "base").Adapter.Pairs.SelectMany(p => p.A.Concat(p.B))];
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Steps;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Memory;

public sealed class TrainingPlanTests
{
    private static readonly LoraRecipe Recipe = new() { Rank = 2, ExamplesPerStep = 6 };

    [Fact]
    public void A_large_budget_keeps_everything_and_a_smaller_one_gives_up_what_costs_least()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(6);
        var stepTokens = StepHalves.LargestTokens(examples);
        var plan = Choose(model, examples, long.MaxValue);
        Assert.Equal(model.Description.LayerCount, plan.KeptLayers);
        Assert.Equal(stepTokens, plan.MicroBatchTokens);
        var seen = new HashSet<int>();
        while (true)
        {
            seen.Add(plan.KeptLayers);
            TrainingPlan next;
            try
            {
                next = Choose(model, examples, plan.TotalBytes - 1);
            }
            catch (MemoryBudgetException e)
            {
                Assert.Equal(examples.Max(x => x.Length), plan.MicroBatchTokens);
                Assert.Equal(1, plan.KeptLayers);
                Assert.Equal(plan.TotalBytes, e.RequiredBytes);
                break;
            }

            Assert.True(next.TotalBytes < plan.TotalBytes);
            Assert.True(Time(next) >= Time(plan));
            plan = next;
        }

        Assert.Equal([1, 2, 3], seen.Order());
        double Time(TrainingPlan p) => TrainingPlan.RelativeTime(p.Shape, model.Description.LayerCount);
    }

    [Fact]
    public void Steps_are_divided_where_more_tokens_together_gain_nothing()
    {
        using var model = new TinyDecoder();
        var examples = Enumerable.Range(0, 16).Select(_ => new TrainingExample([.. Enumerable.Range(0, 100).Select(i => i % 7)], 0)).ToArray();
        using var pool = new WorkerPool(1);
        var plan = new LoraTrainer(model.Description, model.Weights, pool, new LoraRecipe { Rank = 2, ExamplesPerStep = 16, MaximumTokens = 100 }, new TrainingMemory { BudgetBytes = long.MaxValue }).Plan(examples);
        Assert.Equal(Math.Max(examples[0].Length, TrainingPlan.EnoughTokens), plan.MicroBatchTokens);
    }

    [Fact]
    public void Keeping_all_divides_steps_instead()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(6);
        var all = Choose(model, examples, long.MaxValue);
        var plan = Choose(model, examples, all.TotalBytes - 1, ActivationPolicy.Keep);
        Assert.Equal(model.Description.LayerCount, plan.KeptLayers);
        Assert.True(plan.MicroBatchTokens < all.MicroBatchTokens);
    }

    [Fact]
    public void What_is_said_is_what_is_allocated()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(6);
        var plan = Choose(model, examples, long.MaxValue);
        using var workspace = new TrainingWorkspace(model.Description, plan.Shape);
        using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, Recipe.Configuration, 0);
        Assert.Equal(plan.WorkspaceBytes, TrainingWorkspace.ByteLength(model.Description, workspace.Shape));
        Assert.True(plan.InHalves);
        Assert.Equal(plan.AdapterBytes, adapter.Parameters.ByteLength + (StepHalves.Count * adapter.Gradients.ByteLength));
        Assert.Equal(plan.OptimizerBytes, 2 * adapter.Parameters.ByteLength);
        Assert.Equal(plan.WorkspaceBytes + plan.AdapterBytes + plan.OptimizerBytes, plan.TotalBytes);
    }

    [Fact]
    public void Halves_that_are_computed_at_once_need_a_workspace_each_and_a_step_of_one_example_is_not_divided()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(6);
        TrainingPlan With(int threads, long budget) => TrainingPlan.Choose(model.Description, Recipe, new TrainingMemory { BudgetBytes = budget }, threads, examples);
        var single = With(threads: 1, long.MaxValue);
        var two = With(threads: 2, long.MaxValue);
        Assert.Equal((true, false), (two.AtOnce, single.AtOnce));
        Assert.Equal(2 * single.WorkspaceBytes, two.WorkspaceBytes);
        Assert.Equal(single.AdapterBytes, two.AdapterBytes);

        // Where there is no room for two, one follows the other: more threads never need more memory.
        var least = Assert.Throws<MemoryBudgetException>(() => With(threads: 1, 0)).RequiredBytes;
        Assert.Equal((true, false, least), (With(2, least).InHalves, With(2, least).AtOnce, With(2, least).TotalBytes));
        var whole = TrainingPlan.Choose(model.Description, new LoraRecipe { Rank = 2, ExamplesPerStep = 1 }, new TrainingMemory(), threads: 2, examples);
        Assert.False(whole.InHalves);
        Assert.Equal(TrainingWorkspace.ByteLength(model.Description, whole.Shape), whole.WorkspaceBytes);
    }

    [Fact]
    public void Without_a_budget_the_longest_example_is_trained_whatever_it_takes()
    {
        using var model = new TinyDecoder();
        var description = model.Description with { ContextLength = 1 << 20 };
        var examples = new[] { new TrainingExample(new int[600_000], 0) };
        var plan = TrainingPlan.Choose(description, Recipe, new TrainingMemory(), threads: 2, examples);
        Assert.True(plan.WorkspaceBytes > TrainingMemory.DefaultWorkspaceBytes);
        Assert.Equal((1, false), (plan.KeptLayers, plan.AtOnce));
        Assert.Equal(plan.TotalBytes, Assert.Throws<MemoryBudgetException>(() => TrainingPlan.Choose(description, Recipe, new TrainingMemory { BudgetBytes = plan.TotalBytes - 1 }, threads: 2, examples)).RequiredBytes);
    }

    [Fact]
    public void A_smaller_batch_keeps_more_layers_in_the_same_block()
    {
        using var model = new TinyDecoder();
        var layers = model.Description.LayerCount;
        var shape = new WorkspaceShape(Tokens: 64, Examples: 2, LongestExample: 32, Rank: 2, KeptLayers: 1, ForBackward: true);
        using var workspace = new TrainingWorkspace(model.Description, shape);
        int Kept() => Enumerable.Range(0, layers).Count(workspace.IsKept);
        Assert.Equal(1, Kept());
        workspace.Arrange(4);
        Assert.Equal(layers, Kept());
        workspace.Arrange(64);
        Assert.Equal(1, Kept());
    }

    private static TrainingPlan Choose(TinyDecoder model, IReadOnlyList<TrainingExample> examples, long budget, ActivationPolicy policy = ActivationPolicy.Auto)
    {
        using var pool = new WorkerPool(1);
        return new LoraTrainer(model.Description, model.Weights, pool, Recipe, new TrainingMemory { BudgetBytes = budget, Activations = policy }).Plan(examples);
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Memory;

public sealed class TrainingPlanTests
{
    private static readonly LoraRecipe Recipe = new() { Rank = 2, ExamplesPerStep = 3 };

    [Fact]
    public void A_large_budget_keeps_everything_and_a_smaller_one_gives_up_what_costs_least()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(6);
        var stepTokens = Math.Max(examples.Take(3).Sum(e => e.Length), examples.Skip(3).Sum(e => e.Length));
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
        var examples = Enumerable.Range(0, 8).Select(_ => new TrainingExample([.. Enumerable.Range(0, 100).Select(i => i % 7)], 0)).ToArray();
        using var pool = new WorkerPool(1);
        var plan = new LoraTrainer(model.Description, model.Weights, pool, new LoraRecipe { Rank = 2, ExamplesPerStep = 8, MaximumTokens = 100 }, new TrainingMemory { BudgetBytes = long.MaxValue }).Plan(examples);
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
        Assert.Equal(plan.AdapterBytes, adapter.Parameters.ByteLength + adapter.Gradients.ByteLength);
        Assert.Equal(plan.AdapterBytes, plan.OptimizerBytes);
        Assert.Equal(plan.WorkspaceBytes + plan.AdapterBytes + plan.OptimizerBytes, plan.TotalBytes);
    }

    private static TrainingPlan Choose(TinyDecoder model, IReadOnlyList<TrainingExample> examples, long budget, ActivationPolicy policy = ActivationPolicy.Auto)
    {
        using var pool = new WorkerPool(1);
        return new LoraTrainer(model.Description, model.Weights, pool, Recipe, new TrainingMemory { BudgetBytes = budget, Activations = policy }).Plan(examples);
    }
}

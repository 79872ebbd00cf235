using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Steps;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Steps;

public sealed class StepLanesTests
{
    [Fact]
    public void The_longest_examples_are_divided_first_and_keep_their_order()
    {
        var examples = new[] { 30, 120, 40, 100 }.Select(length => new TrainingExample(new int[length], 0)).ToArray();
        var halves = StepHalves.Divide(examples);
        Assert.Equal([[30, 120], [40, 100]], halves.Select(half => half.Select(example => example.Length)));
        Assert.Equal(150, StepHalves.LargestTokens(examples));
    }

    [Fact]
    public void Every_example_is_in_one_half_and_the_halves_differ_by_an_example_at_most() => Prop.ForAll<byte[]>(IsDivided).QuickCheckThrowOnFailure();

    [Fact]
    public void Halves_give_the_gradients_of_the_whole_and_the_same_bits_on_any_number_of_threads()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(5);
        var recipe = new LoraRecipe { Rank = 2, ExamplesPerStep = 5 };
        using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, recipe.Configuration, seed: 3);
        Perturb(adapter);
        using var one = new WorkerPool(1);
        var whole = StepRunner.Compute(model.Description, model.Weights, one, adapter, examples);
        var expected = adapter.Gradients.Span.ToArray();
        float[]? bits = null;
        foreach (var threads in new[] { 1, 2, 5 })
        {
            using var pool = new WorkerPool(threads);
            using var lanes = new AdapterLanes(model.Description, model.Weights, pool, adapter, TrainingPlan.Choose(model.Description, recipe, new TrainingMemory(), threads, examples), dropout: null);
            var halves = lanes.Compute(examples, CancellationToken.None);
            Assert.Equal((whole.Tokens, whole.LossTokens), (halves.Tokens, halves.LossTokens));
            Assert.Equal(whole.Loss, halves.Loss, 1e-6);
            var gradients = adapter.Gradients.Span.ToArray();
            Assert.Equal(bits ??= gradients, gradients);
            Assert.InRange(OracleAdapter.RelativeError(expected, gradients), 0, 1e-6);
        }
    }

    [Fact]
    public void A_cancelled_half_cancels_the_step()
    {
        using var model = new TinyDecoder();
        var examples = model.Examples(4);
        var recipe = new LoraRecipe { Rank = 2 };
        using var pool = new WorkerPool(2);
        using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, recipe.Configuration, seed: 3);
        using var lanes = new AdapterLanes(model.Description, model.Weights, pool, adapter, TrainingPlan.Choose(model.Description, recipe, new TrainingMemory(), 2, examples), dropout: null);
        Assert.Throws<OperationCanceledException>(() => lanes.Compute(examples, new CancellationToken(canceled: true)));
    }

    private static bool IsDivided(byte[] lengths)
    {
        var examples = lengths.Select(length => new TrainingExample(new int[2 + length], 0)).ToArray();
        var halves = StepHalves.Divide(examples);
        var tokens = halves.Select(half => half.Sum(example => example.Length)).ToArray();
        return halves.Length == StepHalves.Count
            && halves.SelectMany(half => half).ToHashSet().SetEquals(examples)
            && halves.Sum(half => half.Count) == examples.Length
            && Math.Abs(tokens[0] - tokens[1]) <= examples.Select(example => example.Length).DefaultIfEmpty().Max();
    }

    /// <summary>B is not zero any more, so that A has a gradient.</summary>
    private static void Perturb(TrainableAdapter adapter)
    {
        var parameters = adapter.Parameters.Span;
        for (var i = 0; i < parameters.Length; i++)
        {
            parameters[i] += MathF.Sin(i) / 8;
        }
    }
}

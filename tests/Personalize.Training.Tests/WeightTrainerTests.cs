using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Memory;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests;

public sealed class WeightTrainerTests
{
    private static readonly WeightRecipe Recipe = new() { ExamplesPerStep = 3, Epochs = 30, LearningRate = 0.01, WarmupSteps = 3, Seed = 9 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Learns_by_heart_from_nothing_and_leaves_a_model_that_scores_so(bool tied)
    {
        using var model = new TinyDecoder(tied: tied);
        using var pool = new WorkerPool(2);
        var examples = model.Examples(7);
        var result = new WeightTrainer(model.Description, pool, Recipe).Run(examples);
        using var weights = result.Weights;
        Assert.Equal(Math.Log(model.Description.VocabularySize), result.Losses[0], 0.1);
        Assert.Equal(90, result.Losses.Count);
        Assert.Equal(30 * examples.Sum(e => e.Length), result.TrainTokens);
        Assert.InRange(new AdapterEvaluator(model.Description, weights, pool).Evaluate(examples).MeanNll, 0, 0.5 * result.Losses[0]);
    }

    [Fact]
    public void Goes_on_from_given_weights_which_stay_as_they_are()
    {
        using var model = new TinyDecoder(bias: true);
        using var pool = new WorkerPool(2);
        var examples = model.Examples(3);
        var before = Values(model.Weights);
        var result = new WeightTrainer(model.Description, pool, Recipe).Run(examples, model.Weights);
        using var weights = result.Weights;
        Assert.Equal(new AdapterEvaluator(model.Description, model.Weights, pool).Evaluate(examples).MeanNll, result.Losses[0], 1e-9);
        Assert.Equal(before, Values(model.Weights));
        Assert.NotEqual(before, Values(weights));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Neither_threads_nor_memory_change_a_bit(bool tied)
    {
        using var model = new TinyDecoder(bias: true, tied);
        var examples = model.Examples(7);
        var expected = Train(model, examples, 1, new TrainingMemory());
        var smallest = Assert.Throws<MemoryBudgetException>(() => Train(model, examples, 1, new TrainingMemory { BudgetBytes = 1 })).RequiredBytes;
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { BudgetBytes = smallest }));
        Assert.Equal(expected, Train(model, examples, 2, new TrainingMemory { Activations = ActivationPolicy.Recompute }));
        Assert.NotEqual(expected, Train(model, examples, 1, new TrainingMemory(), seed: 10));
    }

    [Fact]
    public void Bad_input_is_refused()
    {
        using var model = new TinyDecoder();
        using var pool = new WorkerPool(1);
        Assert.Throws<InsufficientDataException>(() => new WeightTrainer(model.Description, pool, Recipe).Run([]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightTrainer(model.Description, pool, Recipe).Run([new TrainingExample([model.Description.VocabularySize], 0)]));
        Assert.Equal("learningRate", Assert.Throws<RecipeException>(() => new WeightTrainer(model.Description, pool, new WeightRecipe { LearningRate = 0 })).Setting);
        Assert.Throws<TrainingDivergedException>(() => new WeightTrainer(model.Description, pool, new WeightRecipe { LearningRate = 1e30, WarmupSteps = 0, Epochs = 9 }).Run(model.Examples(4)));
    }

    private static float[] Train(TinyDecoder model, IReadOnlyList<TrainingExample> examples, int threads, TrainingMemory memory, ulong seed = 9)
    {
        using var pool = new WorkerPool(threads);
        var recipe = new WeightRecipe { ExamplesPerStep = 3, Epochs = 2, LearningRate = 0.01, WarmupSteps = 1, Seed = seed };
        using var weights = new WeightTrainer(model.Description, pool, recipe, memory).Run(examples).Weights;
        return Values(weights);
    }

    private static float[] Values(DecoderWeights weights)
    {
        var matrices = weights.Layers.SelectMany(l => LoraConfiguration.AllTargets.Select(m => l[m])).Append(weights.TokenEmbedding).Append(weights.OutputProjection);
        return [.. matrices.SelectMany(m => Enumerable.Range(0, m.Rows).SelectMany(r =>
        {
            var row = new float[m.Columns];
            m.ReadRow(r, row);
            return row;
        }))];
    }
}

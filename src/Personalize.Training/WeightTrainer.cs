using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;
using Personalize.Training.Weights;

namespace Personalize.Training;

/// <summary>Trains every weight of a small decoder - embedding, output layer, norms, linear maps, biases - through the same layers that train adapters.</summary>
/// <remarks>
/// The weights depend on description, start, recipe and examples alone, bit for bit: not on the number of threads, the memory, or the time.
/// Borrows the pool, which must outlive it. A run allocates its buffers once and frees them at its end. Not thread-safe.
/// </remarks>
public sealed class WeightTrainer
{
    private readonly DecoderDescription _description;
    private readonly WorkerPool _pool;
    private readonly WeightRecipe _recipe;
    private readonly TrainingMemory _memory;
    private readonly TimeProvider _time;

    /// <summary>Checks the recipe.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="pool">The threads that work.</param>
    /// <param name="recipe">What decides the weights.</param>
    /// <param name="memory">How much memory may be used; null stands for the defaults.</param>
    /// <param name="time">The clock of the figures; null stands for the system's.</param>
    /// <exception cref="RecipeException">A setting is out of range.</exception>
    public WeightTrainer(DecoderDescription description, WorkerPool pool, WeightRecipe recipe, TrainingMemory? memory = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(recipe);
        recipe.Validate();
        _description = description;
        _pool = pool;
        _recipe = recipe;
        _memory = memory ?? new TrainingMemory();
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Trains, going through the examples in their order.</summary>
    /// <param name="examples">What is trained on; cut to the recipe's length. A prompt of length 0 trains on every token but the first.</param>
    /// <param name="start">The weights to start from, which stay as they are; null draws new ones from the recipe's seed.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Looked at before every layer; a cancelled run leaves nothing behind.</param>
    /// <returns>The weights and the figures.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public WeightTrainingResult Run(IReadOnlyList<TrainingExample> examples, DecoderWeights? start = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.Count == 0)
        {
            throw new InsufficientDataException(0, 1);
        }

        var prepared = ExampleCheck.Prepare(examples, _description.VocabularySize, Math.Min(_recipe.MaximumTokens, _description.ContextLength));
        var layout = new WeightLayout(_description);
        var shape = TrainingPlan.ChooseShape(_description, _recipe.ExamplesPerStep, _memory, prepared, TrainableWeights.ByteLength(_description) + AdamW.ByteLength(layout.Length));
        using var weights = start is null ? TrainableWeights.Initialize(_description, _recipe.Seed) : TrainableWeights.From(_description, start);
        using var stack = new DecoderStack(_description, weights.Weights, _pool, adapter: null, shape, dropout: null, weights.Sinks);
        using var optimizer = new AdamW(layout.Length, _recipe.Beta1, _recipe.Beta2, _recipe.Epsilon, _recipe.WeightDecay, layout.Groups);
        var step = new WeightStep(stack, weights, shape.Tokens);
        var stepsPerEpoch = (prepared.Count + _recipe.ExamplesPerStep - 1) / _recipe.ExamplesPerStep;
        var totalSteps = checked(stepsPerEpoch * _recipe.Epochs);
        var schedule = new LearningRateSchedule(_recipe.LearningRate, _recipe.WarmupSteps, _recipe.FinalLearningRateFraction, totalSteps, _recipe.Schedule);
        var losses = new List<double>(totalSteps);
        var tokens = 0L;
        var began = _time.GetTimestamp();
        for (var s = 0; s < totalSteps; s++)
        {
            var first = s % stepsPerEpoch * _recipe.ExamplesPerStep;
            var outcome = step.Compute(prepared, first, Math.Min(_recipe.ExamplesPerStep, prepared.Count - first), cancellationToken);
            losses.Add(outcome.Loss);
            if (LossWatch.HasDiverged(losses, outcome.GradientNorm))
            {
                throw new TrainingDivergedException(s, outcome.Loss);
            }

            var rate = schedule.At(s);
            optimizer.Step(weights.Parameters, weights.Gradients, rate, GradientClipping.Factor(outcome.GradientNorm, _recipe.MaximumGradientNorm));
            weights.Publish(_pool);
            tokens += outcome.Tokens;
            progress?.Report(new TrainingProgress(s, totalSteps, outcome.Loss, outcome.GradientNorm, rate, tokens, _time.GetElapsedTime(began)));
        }

        return new WeightTrainingResult(weights.Take(), losses, tokens, _time.GetElapsedTime(began));
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Memory;
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

    /// <summary>Trains, going through the examples in the recipe's order.</summary>
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
        using var run = new WeightRun(_description, _pool, _recipe, _memory, examples, start);
        var began = _time.GetTimestamp();
        while (!run.IsOver)
        {
            run.Advance(cancellationToken);
            progress?.Report(new TrainingProgress(run.State.Step - 1, run.StepCount, run.State.Losses[^1], run.State.GradientNorms[^1], run.LastRate, run.State.Tokens, _time.GetElapsedTime(began)));
        }

        return new WeightTrainingResult(run.Weights.Take(), run.State.Losses, run.State.Tokens, _time.GetElapsedTime(began));
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;

namespace Personalize.Training;

/// <summary>Trains a low-rank adapter on a frozen model (arXiv 2106.09685).</summary>
/// <remarks>
/// The adapter depends on model, recipe and examples alone, bit for bit: not on the number of threads, the memory, or the time.
/// Borrows weights and pool, which must outlive it. A run allocates its buffers once and frees them at its end. Not thread-safe; two trainers may share weights.
/// </remarks>
public sealed class LoraTrainer
{
    private readonly DecoderDescription _description;
    private readonly DecoderWeights _weights;
    private readonly WorkerPool _pool;
    private readonly LoraRecipe _recipe;
    private readonly TrainingMemory _memory;
    private readonly TimeProvider _time;

    /// <summary>Checks the recipe against the model.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The model's frozen weights.</param>
    /// <param name="pool">The threads that work.</param>
    /// <param name="recipe">What decides the adapter.</param>
    /// <param name="memory">How much memory may be used; null stands for the defaults.</param>
    /// <param name="time">The clock of the figures; null stands for the system's.</param>
    /// <exception cref="RecipeException">A setting is out of range, or the rank exceeds the smallest size of an adapted map.</exception>
    public LoraTrainer(DecoderDescription description, DecoderWeights weights, WorkerPool pool, LoraRecipe recipe, TrainingMemory? memory = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(pool);
        ArgumentNullException.ThrowIfNull(recipe);
        recipe.Validate(description);
        _description = description;
        _weights = weights;
        _pool = pool;
        _recipe = recipe;
        _memory = memory ?? new TrainingMemory();
        _time = time ?? TimeProvider.System;
    }

    /// <summary>What a run over these examples will allocate; nothing is allocated by asking.</summary>
    /// <param name="examples">What would be trained on.</param>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    public TrainingPlan Plan(IReadOnlyList<TrainingExample> examples) => TrainingPlan.Choose(_description, _recipe, _memory, Prepare(examples));

    /// <summary>Trains a new adapter, going through the examples in their order; those that the recipe holds back, the latest, decide when it ends and which step's weights it keeps.</summary>
    /// <param name="examples">What is trained on; cut to the recipe's length.</param>
    /// <param name="baseFingerprint">The fingerprint of the model, which the adapter will carry.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Looked at before every layer; a cancelled run leaves nothing behind.</param>
    /// <returns>The adapter and the figures.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public TrainingResult Run(IReadOnlyList<TrainingExample> examples, string baseFingerprint, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseFingerprint);
        var prepared = Prepare(examples);
        var plan = TrainingPlan.Choose(_description, _recipe, _memory, prepared);
        using var adapter = TrainableAdapter.Initialize(_description, _weights, _pool, _recipe.Configuration, _recipe.Seed);
        var dropout = _recipe.Dropout > 0 ? new AdapterDropout(_recipe.Dropout, _recipe.Seed) : null;
        using var stack = new DecoderStack(_description, _weights, _pool, adapter, plan.Shape, dropout);
        using var optimizer = new AdamW(adapter.Parameters.Length, _recipe.Beta1, _recipe.Beta2, _recipe.Epsilon, _recipe.WeightDecay, adapter.Groups(_recipe.LoraPlusRatio));
        var step = new TrainingStep(stack, adapter, plan.MicroBatchTokens);
        var trainCount = TrainingMonitor.TrainCount(prepared.Count, _recipe.ValidationShare);
        var heldBack = prepared.GetRange(trainCount, prepared.Count - trainCount);
        using var monitor = heldBack.Exists(e => e.LossTokenCount > 0) ? new TrainingMonitor(stack, adapter, heldBack, _recipe, plan.MicroBatchTokens, plan.Shape.Examples) : null;
        var stepsPerEpoch = (trainCount + _recipe.ExamplesPerStep - 1) / _recipe.ExamplesPerStep;
        var totalSteps = checked(stepsPerEpoch * _recipe.Epochs);
        var schedule = new LearningRateSchedule(_recipe.LearningRate, _recipe.WarmupSteps, _recipe.FinalLearningRateFraction, totalSteps, _recipe.Schedule);
        var losses = new List<double>(totalSteps);
        var norms = new List<double>(totalSteps);
        var tokens = 0L;
        var began = _time.GetTimestamp();
        for (var s = 0; s < totalSteps; s++)
        {
            dropout?.Begin(s);
            var first = s % stepsPerEpoch * _recipe.ExamplesPerStep;
            var outcome = step.Compute(prepared, first, Math.Min(_recipe.ExamplesPerStep, trainCount - first), cancellationToken);
            losses.Add(outcome.Loss);
            if (LossWatch.HasDiverged(losses, outcome.GradientNorm))
            {
                throw new TrainingDivergedException(s, outcome.Loss);
            }

            var rate = schedule.At(s);
            optimizer.Step(adapter.Parameters, adapter.Gradients, rate, GradientClipping.Factor(outcome.GradientNorm, _recipe.MaximumGradientNorm));
            norms.Add(outcome.GradientNorm);
            tokens += outcome.Tokens;
            progress?.Report(new TrainingProgress(s, totalSteps, outcome.Loss, outcome.GradientNorm, rate, tokens, _time.GetElapsedTime(began)));
            if (monitor?.AfterStep(s + 1, s + 1 == totalSteps, cancellationToken) == true)
            {
                break;
            }
        }

        monitor?.RestoreBest();

        return new TrainingResult(adapter.ToAdapter(baseFingerprint), losses, norms, tokens, _time.GetElapsedTime(began), plan);
    }

    private List<TrainingExample> Prepare(IReadOnlyList<TrainingExample> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.Count == 0)
        {
            throw new InsufficientDataException(0, 1);
        }

        var maximum = Math.Min(_recipe.MaximumTokens, _description.ContextLength);
        return ExampleCheck.Prepare(examples, _description.VocabularySize, maximum);
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
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
        recipe.Validate();
        var smallest = recipe.Targets.Select(t => ModuleShape.Of(description, t)).Min(s => Math.Min(s.InputSize, s.OutputSize));
        if (recipe.Rank > smallest)
        {
            throw new RecipeException(LoraRecipeJson.RankName, $"must be at most {smallest}, the smallest size of the model's adapted maps");
        }

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
    public TrainingPlan Plan(IReadOnlyList<TrainingExample?> examples) => TrainingPlan.Choose(_description, _recipe, _memory, Prepare(examples));

    /// <summary>Trains a new adapter, going through the examples in their order.</summary>
    /// <param name="examples">What is trained on; cut to the recipe's length. Null is an empty slot.</param>
    /// <param name="baseFingerprint">The fingerprint of the model, which the adapter will carry.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Looked at before every layer; a cancelled run leaves nothing behind.</param>
    /// <returns>The adapter and the figures.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public TrainingResult Run(IReadOnlyList<TrainingExample?> examples, string baseFingerprint, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Run(examples, baseFingerprint, checkpoints: null, progress, cancellationToken);

    /// <summary>
    /// Trains an adapter and keeps the state on the way: a run that was cancelled or killed at any moment and is called again with the same arguments gives the adapter it would have given uninterrupted, bit for bit,
    /// on any number of threads and within any memory.
    /// </summary>
    /// <param name="examples">
    /// What is trained on; cut to the recipe's length. Null is an empty slot, where an example was erased: it takes its place in its step and in the schedule of rates and trains nothing, so a run over the same slots
    /// may go on from any checkpoint that was written before the slot's first use.
    /// </param>
    /// <param name="baseFingerprint">The fingerprint of the model, which the adapter will carry.</param>
    /// <param name="checkpoints">Where the state is kept, and how often; null keeps none.</param>
    /// <param name="progress">Told after every step of this session.</param>
    /// <param name="cancellationToken">Looked at before every layer; the state after the last whole step is then kept and a step that was half done is dropped.</param>
    /// <returns>The adapter and the figures, those of earlier sessions included.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite; the last checkpoint stays.</exception>
    /// <exception cref="CheckpointMismatchException">The latest checkpoint is of another base, recipe or data.</exception>
    /// <exception cref="StoreIntegrityException">The latest checkpoint was cut or changed.</exception>
    /// <exception cref="ProfileVersionException">The latest checkpoint is of a newer version.</exception>
    /// <exception cref="ProfileAccessException">A checkpoint cannot be written; the last good one stays.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public TrainingResult Run(
        IReadOnlyList<TrainingExample?> examples, string baseFingerprint, CheckpointOptions? checkpoints, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseFingerprint);
        var slots = Prepare(examples);
        var plan = TrainingPlan.Choose(_description, _recipe, _memory, slots);
        using var adapter = TrainableAdapter.Initialize(_description, _recipe.Configuration, _recipe.Seed);
        using var stack = new DecoderStack(_description, _weights, _pool, adapter, plan.Shape);
        using var optimizer = new AdamW(adapter.Parameters.Length, _recipe.Beta1, _recipe.Beta2, _recipe.Epsilon, _recipe.WeightDecay);
        var step = new TrainingStep(stack, adapter, plan.MicroBatchTokens);
        var steps = new StepSchedule(slots.Count, _recipe.ExamplesPerStep, _recipe.Epochs);
        var schedule = new LearningRateSchedule(_recipe.LearningRate, _recipe.WarmupSteps, _recipe.FinalLearningRateFraction, steps.Count);
        var keeper = checkpoints is null ? null : new CheckpointKeeper(checkpoints, new RunIdentity(baseFingerprint, _recipe, steps, slots), adapter, optimizer, _time);
        var state = keeper?.Restore() ?? new RunState();
        var began = _time.GetTimestamp();
        TimeSpan Elapsed() => state.ElapsedBefore + _time.GetElapsedTime(began);
        while (state.Step < steps.Count)
        {
            var s = state.Step;
            TrainingStep.Outcome outcome;
            try
            {
                var present = slots.Take(steps.Slots(s)).OfType<TrainingExample>().ToList();
                outcome = step.Compute(present, 0, present.Count, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                // Parameters and moments change between steps alone: they are those of the last whole one.
                keeper?.Save(state, Elapsed());
                throw;
            }

            if (!double.IsFinite(outcome.Loss) || !double.IsFinite(outcome.GradientNorm))
            {
                throw new TrainingDivergedException(s, outcome.Loss);
            }

            var rate = schedule.At(s);
            optimizer.Step(adapter.Parameters, adapter.Gradients, rate, GradientClipping.Factor(outcome.GradientNorm, _recipe.MaximumGradientNorm));
            state.Add(outcome.Loss, outcome.GradientNorm, outcome.Tokens);
            keeper?.AfterStep(state, Elapsed);
            progress?.Report(new TrainingProgress(s, steps.Count, outcome.Loss, outcome.GradientNorm, rate, state.Tokens, Elapsed()));
        }

        return new TrainingResult(adapter.ToAdapter(baseFingerprint), state.Losses, state.GradientNorms, state.Tokens, Elapsed(), plan)
        {
            CheckpointCount = keeper?.Count ?? 0,
            CheckpointElapsed = keeper?.Elapsed ?? TimeSpan.Zero,
        };
    }

    private List<TrainingExample?> Prepare(IReadOnlyList<TrainingExample?> examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.All(example => example is null))
        {
            throw new InsufficientDataException(0, 1);
        }

        var maximum = Math.Min(_recipe.MaximumTokens, _description.ContextLength);
        return ExampleCheck.PrepareSlots(examples, _description.VocabularySize, maximum);
    }
}

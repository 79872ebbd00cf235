using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Memory;
using Personalize.Training.Privacy;

namespace Personalize.Training;

/// <summary>Trains a low-rank adapter on a frozen model (arXiv 2106.09685).</summary>
/// <remarks>
/// The adapter depends on model, recipe and examples alone, bit for bit: not on the number of threads, the memory, or the time; with <see cref="LoraRecipe.DifferentialPrivacy"/> also on noise that nobody can foresee.
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
    private (int Examples, SubsampledGaussian Mechanism)? _privacy;

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

    /// <summary>The sampling and noise of private training; the system's cryptographic generator unless a test puts another in its place.</summary>
    internal IRandomSource Random { get; init; } = new CryptographicRandomSource();

    /// <summary>What a run over so many examples will reveal of each, to be entered in a <see cref="PrivacyLedger"/> before it begins. The search for the noise takes seconds the first time.</summary>
    /// <param name="examples">How many examples there are.</param>
    /// <returns>The sampling, noise and steps; null if the recipe does not ask for a guarantee.</returns>
    /// <exception cref="PrivacyParameterException">No noise is enough for the recipe's epsilon.</exception>
    public SubsampledGaussian? PlanPrivacy(int examples)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(examples);
        if (_recipe.DifferentialPrivacy is { } privacy && _privacy?.Examples != examples)
        {
            _privacy = (examples, privacy.Plan(examples, _recipe.ExamplesPerStep, _recipe.Epochs));
        }

        return _privacy?.Mechanism;
    }

    /// <summary>What a run over these examples will allocate; nothing is allocated by asking.</summary>
    /// <param name="examples">What would be trained on.</param>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    public TrainingPlan Plan(IReadOnlyList<TrainingExample?> examples) => TrainingPlan.Choose(_description, _recipe, _memory, _pool.ThreadCount, Prepare(examples));

    /// <summary>Trains a new adapter, going through the examples in their order; those that the recipe holds back, the latest, decide when it ends and which step's weights it keeps.</summary>
    /// <param name="examples">What is trained on; cut to the recipe's length. Null is an empty slot.</param>
    /// <param name="baseFingerprint">The fingerprint of the model, which the adapter will carry.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Looked at before every layer; a cancelled run leaves nothing behind.</param>
    /// <returns>The adapter and the figures.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public TrainingResult Run(IReadOnlyList<TrainingExample?> examples, string baseFingerprint, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Run(examples, baseFingerprint, checkpoints: null, progress, cancellationToken);

    /// <summary>
    /// Trains an adapter and keeps the state on the way: a run that was cancelled or killed at any moment and is called again with the same arguments gives the adapter it would have given uninterrupted, bit for bit,
    /// on any number of threads and within any memory. With <see cref="LoraRecipe.DifferentialPrivacy"/> it keeps the guarantee instead: what is left to do is drawn anew.
    /// </summary>
    /// <param name="examples">
    /// What is trained on; cut to the recipe's length. Null is an empty slot, where an example was erased: it takes its place in its step and in the schedule of rates and trains nothing, so a run over the same slots
    /// may go on from any checkpoint that was written before the slot's first use; the first use of a slot that is held back is the first measurement.
    /// </param>
    /// <param name="baseFingerprint">The fingerprint of the model, which the adapter will carry.</param>
    /// <param name="checkpoints">Where the state is kept, and how often; null keeps none.</param>
    /// <param name="progress">Told after every step of this session.</param>
    /// <param name="cancellationToken">Looked at before every layer; the state after the last whole step is then kept and a step that was half done is dropped.</param>
    /// <returns>The adapter and the figures, those of earlier sessions included.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start; the last checkpoint stays.</exception>
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
        var plan = TrainingPlan.Choose(_description, _recipe, _memory, _pool.ThreadCount, slots);
        using var run = new LoraRun(_description, _weights, _pool, _recipe, plan, slots, PlanPrivacy(slots.Count), Random);
        var keeper = checkpoints is null ? null : new CheckpointKeeper(checkpoints, new RunIdentity(baseFingerprint, _recipe, run.Schedule, slots), run, _time);
        keeper?.Restore();
        var began = _time.GetTimestamp();
        TimeSpan Elapsed() => run.State.ElapsedBefore + _time.GetElapsedTime(began);
        try
        {
            // The session before may have ended in the middle of a measurement.
            run.Measure(cancellationToken);
            while (!run.IsOver)
            {
                run.Advance(cancellationToken);
                run.Measure(cancellationToken);
                keeper?.AfterStep(Elapsed);
                var state = run.State;
                progress?.Report(new TrainingProgress(state.Step - 1, run.Schedule.Count, state.Losses[^1], state.GradientNorms[^1], run.LastRate, state.Tokens, Elapsed()));
            }
        }
        catch (OperationCanceledException)
        {
            // Parameters and moments change between steps alone: they are those of the last whole one.
            keeper?.Save(Elapsed());
            throw;
        }

        return new TrainingResult(run.Finish(baseFingerprint), run.State.Losses, run.State.GradientNorms, run.State.Tokens, Elapsed(), plan)
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

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;
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
    public TrainingPlan Plan(IReadOnlyList<TrainingExample> examples) => TrainingPlan.Choose(_description, _recipe, _memory, Prepare(examples));

    /// <summary>Trains a new adapter, going through the examples in their order.</summary>
    /// <param name="examples">What is trained on; cut to the recipe's length.</param>
    /// <param name="baseFingerprint">The fingerprint of the model, which the adapter will carry.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Looked at before every layer; a cancelled run leaves nothing behind.</param>
    /// <returns>The adapter and the figures.</returns>
    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public TrainingResult Run(IReadOnlyList<TrainingExample> examples, string baseFingerprint, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(baseFingerprint);
        var prepared = Prepare(examples);
        var plan = TrainingPlan.Choose(_description, _recipe, _memory, prepared);
        using var adapter = TrainableAdapter.Initialize(_description, _recipe.Configuration, _recipe.Seed);
        using var stack = new DecoderStack(_description, _weights, _pool, adapter, plan.Shape);
        using var optimizer = new AdamW(adapter.Parameters.Length, _recipe.Beta1, _recipe.Beta2, _recipe.Epsilon, _recipe.WeightDecay);
        var step = new TrainingStep(stack, adapter, plan.MicroBatchTokens);
        using var privateStep = PlanPrivacy(prepared.Count) is { } mechanism
            ? new PrivateTrainingStep(stack, adapter, mechanism, _recipe.DifferentialPrivacy!.MaximumExampleNorm, new MicroBatchCapacity(plan.MicroBatchTokens, plan.Shape.Examples), Random)
            : null;
        var stepsPerEpoch = (prepared.Count + _recipe.ExamplesPerStep - 1) / _recipe.ExamplesPerStep;
        var totalSteps = checked(stepsPerEpoch * _recipe.Epochs);
        var schedule = new LearningRateSchedule(_recipe.LearningRate, _recipe.WarmupSteps, _recipe.FinalLearningRateFraction, totalSteps);
        var losses = new List<double>(totalSteps);
        var norms = new List<double>(totalSteps);
        var tokens = 0L;
        var began = _time.GetTimestamp();
        for (var s = 0; s < totalSteps; s++)
        {
            var first = s % stepsPerEpoch * _recipe.ExamplesPerStep;
            var outcome = privateStep?.Compute(prepared, cancellationToken) ?? step.Compute(prepared, first, Math.Min(_recipe.ExamplesPerStep, prepared.Count - first), cancellationToken);
            if (!double.IsFinite(outcome.Loss) || !double.IsFinite(outcome.GradientNorm))
            {
                throw new TrainingDivergedException(s, outcome.Loss);
            }

            var rate = schedule.At(s);
            optimizer.Step(adapter.Parameters, adapter.Gradients, rate, privateStep is null ? GradientClipping.Factor(outcome.GradientNorm, _recipe.MaximumGradientNorm) : 1);
            losses.Add(outcome.Loss);
            norms.Add(outcome.GradientNorm);
            tokens += outcome.Tokens;
            progress?.Report(new TrainingProgress(s, totalSteps, outcome.Loss, outcome.GradientNorm, rate, tokens, _time.GetElapsedTime(began)));
        }

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

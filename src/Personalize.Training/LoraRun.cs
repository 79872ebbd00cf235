using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;
using Personalize.Training.Steps;

namespace Personalize.Training;

/// <summary>A run of a <see cref="LoraTrainer"/> under way: what is trained, which step comes next, and where it stands. A checkpoint is a picture of it between two steps.</summary>
/// <remarks>Owns its buffers; borrows weights and pool. Not thread-safe.</remarks>
internal sealed class LoraRun : IDisposable
{
    private readonly LoraRecipe _recipe;
    private readonly IReadOnlyList<TrainingExample?> _slots;
    private readonly LearningRateSchedule _rates;
    private readonly AdapterDropout? _dropout;
    private readonly AdapterLanes? _lanes;
    private readonly DecoderStack? _stack;
    private readonly PrivateTrainingStep? _privateStep;

    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The model's frozen weights.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="recipe">What decides the adapter.</param>
    /// <param name="plan">What may be allocated.</param>
    /// <param name="slots">The examples as they are trained on; null where one was erased.</param>
    /// <param name="mechanism">The sampling and noise of private training, or null.</param>
    /// <param name="random">Where private training draws from.</param>
    /// <exception cref="InsufficientDataException">No example is left to train on.</exception>
    public LoraRun(
        DecoderDescription description,
        DecoderWeights weights,
        WorkerPool pool,
        LoraRecipe recipe,
        TrainingPlan plan,
        IReadOnlyList<TrainingExample?> slots,
        SubsampledGaussian? mechanism,
        IRandomSource random)
    {
        Schedule = StepSchedule.Of(recipe, slots.Count);
        if (slots.Take(Schedule.TrainCount).All(example => example is null))
        {
            throw new InsufficientDataException(0, 1);
        }

        _recipe = recipe;
        _slots = slots;
        _rates = new LearningRateSchedule(recipe.LearningRate, recipe.WarmupSteps, recipe.FinalLearningRateFraction, Schedule.Count, recipe.Schedule);
        _dropout = recipe.Dropout > 0 ? new AdapterDropout(recipe.Dropout, recipe.Seed) : null;
        Adapter = TrainableAdapter.Initialize(description, weights, pool, recipe.Configuration, recipe.Seed);
        Optimizer = new AdamW(Adapter.Parameters.Length, recipe.Beta1, recipe.Beta2, recipe.Epsilon, recipe.WeightDecay, Adapter.Groups(recipe.LoraPlusRatio));
        var capacity = new MicroBatchCapacity(plan.MicroBatchTokens, plan.Shape.Examples);
        if (mechanism is not null)
        {
            // Nothing is held back where a guarantee is asked for: the recipe says so.
            _stack = new DecoderStack(description, weights, pool, Adapter, plan.Shape, _dropout);
            _privateStep = new PrivateTrainingStep(_stack, Adapter, mechanism, recipe.DifferentialPrivacy!.MaximumExampleNorm, capacity, random);
            return;
        }

        _lanes = new AdapterLanes(description, weights, pool, Adapter, plan, _dropout);
        var heldBack = slots.Skip(Schedule.TrainCount).OfType<TrainingExample>().ToList();
        if (heldBack.Exists(example => example.LossTokenCount > 0))
        {
            _stack = new DecoderStack(description, weights, pool, Adapter, plan.MonitorShape);
            Monitor = new TrainingMonitor(_stack, Adapter, heldBack, recipe, capacity);
        }
    }

    /// <summary>Which slots each step trains on.</summary>
    public StepSchedule Schedule { get; }

    /// <summary>The parameters as the last whole step left them.</summary>
    public TrainableAdapter Adapter { get; }

    /// <summary>The moments as the last whole step left them.</summary>
    public AdamW Optimizer { get; }

    /// <summary>What watches the held-back examples; null where there are none that carry loss.</summary>
    public TrainingMonitor? Monitor { get; }

    /// <summary>Where the run stands; replaced when it is restored.</summary>
    public RunState State { get; set; } = new();

    /// <summary>Whether all steps were taken, or waiting for a lower loss on the held-back examples is in vain.</summary>
    public bool IsOver => State.Step >= Schedule.Count || Monitor?.HasStopped == true;

    /// <summary>The rate of the step taken last.</summary>
    public double LastRate => _rates.At(State.Step - 1);

    /// <summary>Takes a step; <see cref="Measure"/> is to follow. Parameters, moments and <see cref="State"/> change together or not at all, whenever it is cancelled.</summary>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Advance(CancellationToken cancellationToken)
    {
        var s = State.Step;
        _dropout?.Begin(s);
        var outcome = Compute(_slots.Take(Schedule.Slots(s)), cancellationToken);
        State.Add(outcome);
        if (LossWatch.HasDiverged(State.Losses, outcome.GradientNorm))
        {
            throw new TrainingDivergedException(s, outcome.Loss);
        }

        var factor = _privateStep is null ? GradientClipping.Factor(outcome.GradientNorm, _recipe.MaximumGradientNorm) : 1;
        Optimizer.Step(Adapter.Parameters, Adapter.Gradients, _rates.At(s), factor);
    }

    /// <summary>Measures the held-back examples if it is time to and was not done after this step; one that was cut off changes nothing and is taken again.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Measure(CancellationToken cancellationToken)
    {
        if (State.Step > 0)
        {
            Monitor?.AfterStep(State.Step, State.Step == Schedule.Count, cancellationToken);
        }
    }

    /// <summary>The adapter that the run has made: that of the lowest loss on the held-back examples, or of the last step.</summary>
    public LoraAdapter Finish(string baseFingerprint)
    {
        Monitor?.RestoreBest();
        return Adapter.ToAdapter(baseFingerprint);
    }

    public void Dispose()
    {
        _privateStep?.Dispose();
        Monitor?.Dispose();
        _stack?.Dispose();
        _lanes?.Dispose();
        Optimizer.Dispose();
        Adapter.Dispose();
    }

    private TrainingStep.Outcome Compute(IEnumerable<TrainingExample?> slots, CancellationToken cancellationToken)
    {
        if (_privateStep is not null)
        {
            return _privateStep.Compute([.. slots], cancellationToken);
        }

        return _lanes!.Compute([.. slots.OfType<TrainingExample>()], cancellationToken);
    }
}

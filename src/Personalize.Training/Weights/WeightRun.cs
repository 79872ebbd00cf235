using System.Globalization;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Weights;

/// <summary>A run over all weights, step by step. Parameters, moments and <see cref="State"/> change together or not at all, whenever it is cancelled. Owns its buffers, borrows pool and examples. Not thread-safe.</summary>
internal sealed class WeightRun : IDisposable
{
    private readonly WorkerPool _pool;
    private readonly WeightRecipe _recipe;
    private readonly List<TrainingExample> _examples;
    private readonly List<TrainingExample> _step = [];
    private readonly EpochOrder _order;
    private readonly LearningRateSchedule _rates;
    private readonly WeightLanes _lanes;

    /// <exception cref="InsufficientDataException">There is no example.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    public WeightRun(DecoderDescription description, WorkerPool pool, WeightRecipe recipe, TrainingMemory memory, IReadOnlyList<TrainingExample> examples, DecoderWeights? start)
    {
        if (examples.Count == 0)
        {
            throw new InsufficientDataException(0, 1);
        }

        Description = description;
        _pool = pool;
        _recipe = recipe;
        _examples = ExampleCheck.Prepare(examples, description.VocabularySize, Math.Min(recipe.MaximumTokens, description.ContextLength));
        _order = new EpochOrder(_examples.Count, recipe);
        _rates = new LearningRateSchedule(recipe.LearningRate, recipe.WarmupSteps, recipe.FinalLearningRateFraction, _order.StepCount, recipe.Schedule, recipe.DecayShare);
        Weights = start is null ? TrainableWeights.Initialize(description, recipe.Seed) : TrainableWeights.From(description, start);
        _lanes = new WeightLanes(description, Weights, pool, recipe.ExamplesPerStep, memory, _examples);
        Optimizer = new WeightOptimizer(Weights.Layout, _lanes.Threads, recipe);
    }

    /// <summary>The decoder's sizes.</summary>
    public DecoderDescription Description { get; }

    /// <summary>The parameters as the last whole step left them.</summary>
    public TrainableWeights Weights { get; }

    /// <summary>The moments as the last whole step left them.</summary>
    public WeightOptimizer Optimizer { get; }

    /// <summary>Where the run stands; replaced when it is restored.</summary>
    public RunState State { get; set; } = new();

    /// <summary>How many steps there are.</summary>
    public int StepCount => _order.StepCount;

    /// <summary>How many of them make an epoch.</summary>
    public int StepsPerEpoch => _order.StepsPerEpoch;

    /// <summary>Whether all steps were taken.</summary>
    public bool IsOver => State.Step >= StepCount;

    /// <summary>The rate of the step taken last.</summary>
    public double LastRate => _rates.At(State.Step - 1);

    /// <summary>What the run trains on, as its checkpoints name it.</summary>
    public string ExampleDigest => Checkpoints.ExampleDigest.Of(_examples);

    /// <summary>The rates of the first steps, as text that is the same wherever they are: by them a checkpoint is told from one of another schedule, as far as the schedule has been followed.</summary>
    public string RatesUntil(int step) => string.Join(' ', Enumerable.Range(0, step).Select(s => _rates.At(s).ToString("R", CultureInfo.InvariantCulture)));

    /// <summary>Takes a step.</summary>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing changed.</exception>
    public void Advance(CancellationToken cancellationToken)
    {
        var s = State.Step;
        _step.Clear();
        foreach (var example in _order.Examples(s))
        {
            _step.Add(_examples[example]);
        }

        var outcome = _lanes.Compute(_step, cancellationToken);
        State.Add(outcome);
        if (LossWatch.HasDiverged(State.Losses, outcome.GradientNorm))
        {
            throw new TrainingDivergedException(s, outcome.Loss);
        }

        Optimizer.Step(Weights, _rates.At(s), GradientClipping.Factor(outcome.GradientNorm, _recipe.MaximumGradientNorm));
        Weights.Publish(_pool);
    }

    /// <summary>After parameters were read from a checkpoint: brings what the layers compute with up to date.</summary>
    public void Restored() => Weights.Publish(_pool);

    public void Dispose()
    {
        _lanes.Dispose();
        Optimizer.Dispose();
        Weights.Dispose();
    }
}

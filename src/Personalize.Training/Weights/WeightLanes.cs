using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;
using Personalize.Training.Steps;

namespace Personalize.Training.Weights;

/// <summary>Computes the gradients of all weights in two halves of a step, each on threads of its own.</summary>
/// <remarks>The first half's gradients are the weights' own. Owns threads, workspaces and the other gradients; borrows weights and pool. Not thread-safe.</remarks>
internal sealed class WeightLanes : IDisposable
{
    private readonly DecoderStack[] _stacks;
    private readonly WeightGradients[] _gradients;
    private readonly StepLanes _lanes;

    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    public WeightLanes(DecoderDescription description, TrainableWeights weights, WorkerPool pool, int examplesPerStep, TrainingMemory memory, IReadOnlyList<TrainingExample> examples)
    {
        var shape = ChooseShape(description, weights.Layout, examplesPerStep, memory, examples);
        _gradients = [weights.Gradients, .. Enumerable.Range(1, StepHalves.Count - 1).Select(_ => new WeightGradients(description, weights.Layout))];
        Threads = new LaneThreads(StepHalves.Count, pool, pool.ThreadCount >= StepHalves.Count);
        _stacks = [.. _gradients.Select((gradients, lane) => new DecoderStack(description, weights.Weights, Threads.Pools[lane], adapter: null, shape, dropout: null, gradients.Sinks))];
        _lanes = new StepLanes(Threads, [.. _stacks.Select((stack, lane) => new TrainingStep(stack, _gradients[lane], shape.Tokens))]);
    }

    /// <summary>The lanes' threads.</summary>
    public LaneThreads Threads { get; }

    /// <summary>Replaces the weights' gradients by those of the mean loss of the examples.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample> examples, CancellationToken cancellationToken) => _lanes.Compute(examples, cancellationToken);

    public void Dispose()
    {
        foreach (var stack in _stacks)
        {
            stack.Dispose();
        }

        Threads.Dispose();
        foreach (var gradients in _gradients.Skip(1))
        {
            gradients.Dispose();
        }
    }

    /// <summary>A lane's workspace: what the budget leaves is divided among the lanes.</summary>
    private static WorkspaceShape ChooseShape(DecoderDescription description, WeightLayout layout, int examplesPerStep, TrainingMemory memory, IReadOnlyList<TrainingExample> examples)
    {
        var common = TrainableWeights.ByteLength(description) + ((StepHalves.Count - 1) * WeightGradients.ByteLength(description, layout)) + AdamW.ByteLength(layout.Length);
        var budget = memory.Total(common);
        var share = new TrainingMemory { Activations = memory.Activations, BudgetBytes = common + ((budget - common) / StepHalves.Count) };
        try
        {
            return TrainingPlan.ChooseShape(description, (examplesPerStep + 1) / StepHalves.Count, share, examples, common) with { Examples = examplesPerStep };
        }
        catch (MemoryBudgetException exception)
        {
            throw new MemoryBudgetException(budget, common + (StepHalves.Count * (exception.RequiredBytes - common)));
        }
    }
}

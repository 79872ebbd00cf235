using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Steps;

namespace Personalize.Training.Adapters;

/// <summary>Computes the gradients of an adapter: of steps as a whole, or as the plan says of their halves, at once or one after the other.</summary>
/// <remarks>Owns the lanes' threads, workspaces and further gradients; borrows weights, pool and adapter. Not thread-safe.</remarks>
internal sealed class AdapterLanes : IDisposable
{
    private readonly LaneThreads _threads;
    private readonly TrainableAdapter[] _adapters;
    private readonly DecoderStack[] _stacks;
    private readonly StepLanes _lanes;

    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The model's frozen weights.</param>
    /// <param name="pool">The threads; halves that are computed at once get as many of their own together.</param>
    /// <param name="adapter">What is trained; receives the gradients.</param>
    /// <param name="plan">What may be allocated.</param>
    /// <param name="dropout">Dropout on the pairs' inputs, or null.</param>
    public AdapterLanes(DecoderDescription description, DecoderWeights weights, WorkerPool pool, TrainableAdapter adapter, TrainingPlan plan, AdapterDropout? dropout)
    {
        _threads = new LaneThreads(plan.InHalves ? StepHalves.Count : 1, pool, plan.AtOnce);
        _adapters = [adapter, .. Enumerable.Range(1, _threads.Pools.Count - 1).Select(_ => adapter.WithOwnGradients(description))];
        _stacks = new DecoderStack[_adapters.Length];
        for (var lane = 0; lane < _stacks.Length; lane++)
        {
            // Lanes that follow one another share a workspace.
            var lent = lane > 0 && !_threads.AtOnce ? _stacks[0].Workspace : null;
            _stacks[lane] = new DecoderStack(description, weights, _threads.Pools[lane], _adapters[lane], plan.Shape, dropout, workspace: lent);
        }

        _lanes = new StepLanes(_threads, [.. _stacks.Select((stack, lane) => new TrainingStep(stack, _adapters[lane], plan.MicroBatchTokens))]);
    }

    /// <summary>Replaces the adapter's gradients by those of the mean loss of the examples.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample> examples, CancellationToken cancellationToken) => _lanes.Compute(examples, cancellationToken);

    public void Dispose()
    {
        foreach (var stack in _stacks)
        {
            stack.Dispose();
        }

        foreach (var adapter in _adapters.Skip(1))
        {
            adapter.Dispose();
        }

        _threads.Dispose();
    }
}

using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Steps;

namespace Personalize.Training.Tests.Support;

/// <summary>One step's loss and gradients outside of a training run.</summary>
internal static class StepRunner
{
    public static TrainingStep.Outcome Compute(DecoderDescription description, DecoderWeights weights, WorkerPool pool, TrainableAdapter adapter, IReadOnlyList<TrainingExample> examples, int? keptLayers = null, int? microBatchTokens = null, AdapterDropout? dropout = null)
    {
        var tokens = microBatchTokens ?? examples.Sum(e => e.Length);
        using var stack = Stack(description, weights, pool, adapter, examples, keptLayers, tokens, dropout);
        return new StepLanes(new LaneThreads(1, pool, atOnce: false), [new TrainingStep(stack, adapter, tokens)]).Compute(examples, CancellationToken.None);
    }

    public static DecoderStack Stack(DecoderDescription description, DecoderWeights weights, WorkerPool pool, TrainableAdapter adapter, IReadOnlyList<TrainingExample> examples, int? keptLayers = null, int? tokens = null, AdapterDropout? dropout = null) =>
        new(description, weights, pool, adapter, new WorkspaceShape(tokens ?? examples.Sum(e => e.Length), examples.Count, examples.Max(e => e.Length), adapter.Rank, keptLayers ?? description.LayerCount, ForBackward: true, adapter.UsesDora, dropout is not null), dropout);
}

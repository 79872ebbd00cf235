using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;

namespace Personalize.Training.Tests.Support;

/// <summary>One step's loss and gradients outside of a training run.</summary>
internal static class StepRunner
{
    public static TrainingStep.Outcome Compute(DecoderDescription description, DecoderWeights weights, WorkerPool pool, TrainableAdapter adapter, IReadOnlyList<TrainingExample> examples, int? keptLayers = null, int? microBatchTokens = null)
    {
        var tokens = microBatchTokens ?? examples.Sum(e => e.Length);
        var shape = new WorkspaceShape(tokens, examples.Count, examples.Max(e => e.Length), adapter.Rank, keptLayers ?? description.LayerCount, ForBackward: true);
        using var stack = new DecoderStack(description, weights, pool, adapter, shape);
        return new TrainingStep(stack, adapter, tokens).Compute(examples, 0, examples.Count, CancellationToken.None);
    }
}

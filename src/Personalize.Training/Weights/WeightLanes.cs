using System.Runtime.ExceptionServices;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Weights;

/// <summary>
/// Computes a step in two halves, each on threads of its own with gradients of its own, which are added at the end. Threads that share every product wait for one another a thousand times a step, and on a
/// busy machine mostly for the system; these wait once. The halves are the same on a single thread, so the bits are.
/// </summary>
/// <remarks>The first half's gradients are the weights' own. Owns threads, workspaces and the other gradients; borrows the weights. Not thread-safe.</remarks>
internal sealed class WeightLanes : IDisposable
{
    /// <summary>Part of the definition of a step's gradients, whatever the machine.</summary>
    public const int Count = 2;

    private readonly TrainableWeights _weights;
    private readonly bool _atOnce;
    private readonly WorkerPool[] _pools;
    private readonly DecoderStack[] _stacks;
    private readonly WeightGradients[] _gradients;
    private readonly WeightStep[] _steps;

    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    public WeightLanes(DecoderDescription description, TrainableWeights weights, int threads, int examplesPerStep, TrainingMemory memory, IReadOnlyList<TrainingExample> examples)
    {
        var shape = ChooseShape(description, weights.Layout, examplesPerStep, memory, examples);
        _weights = weights;
        _atOnce = threads >= Count;
        _gradients = [weights.Gradients, .. Enumerable.Range(1, Count - 1).Select(_ => new WeightGradients(description, weights.Layout))];
        _pools = [.. _gradients.Select(_ => new WorkerPool(Math.Max(1, threads / Count)))];
        _stacks = [.. _gradients.Select((gradients, lane) => new DecoderStack(description, weights.Weights, _pools[lane], adapter: null, shape, dropout: null, gradients.Sinks))];
        _steps = [.. _stacks.Select((stack, lane) => new WeightStep(stack, _gradients[lane], shape.Tokens))];
    }

    /// <summary>Each lane's threads.</summary>
    public IReadOnlyList<WorkerPool> Pools => _pools;

    /// <summary>Does something once for each lane, at once where there are threads for it.</summary>
    /// <param name="work">Takes the lane.</param>
    /// <exception cref="OperationCanceledException">A lane was cancelled.</exception>
    public void Run(Action<int> work)
    {
        if (!_atOnce)
        {
            for (var lane = 0; lane < Count; lane++)
            {
                work(lane);
            }

            return;
        }

        var failures = new ExceptionDispatchInfo?[Count];
        Parallel.For(0, Count, new ParallelOptions { MaxDegreeOfParallelism = Count }, lane =>
        {
            try
            {
                work(lane);
            }
#pragma warning disable CA1031 // It is thrown again where the lanes meet, as itself and not in a bundle.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failures[lane] = ExceptionDispatchInfo.Capture(exception);
            }
        });
        Array.Find(failures, failure => failure is not null)?.Throw();
    }

    /// <summary>Replaces the weights' gradients by those of the mean loss of the examples.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample> examples, CancellationToken cancellationToken)
    {
        var first = Divide(examples);
        var lossTokens = examples.Sum(example => example.LossTokenCount);
        var divisor = Math.Max(1, lossTokens);
        var parts = new (double Nll, int Tokens)[Count];
        Run(lane => parts[lane] = _steps[lane].Accumulate(examples, lane == 0 ? 0 : first, lane == 0 ? first : examples.Count - first, 1f / divisor, cancellationToken));
        _weights.Gradients.Add(_gradients[1]);
        return new TrainingStep.Outcome((parts[0].Nll + parts[1].Nll) / divisor, GradientClipping.GlobalNorm(_weights.Gradients.Values.Span), parts[0].Tokens + parts[1].Tokens, lossTokens);
    }

    public void Dispose()
    {
        foreach (var stack in _stacks)
        {
            stack.Dispose();
        }

        foreach (var pool in _pools)
        {
            pool.Dispose();
        }

        foreach (var gradients in _gradients.Skip(1))
        {
            gradients.Dispose();
        }
    }

    /// <summary>How many examples, at least one, the first half has: the fewest that hold half of the tokens.</summary>
    private static int Divide(IReadOnlyList<TrainingExample> examples)
    {
        var (total, sum, count) = (examples.Sum(example => (long)example.Length), 0L, 0);
        while (2 * sum < total)
        {
            sum += examples[count++].Length;
        }

        return count;
    }

    /// <summary>A lane's workspace: what the budget leaves is divided among the lanes.</summary>
    private static WorkspaceShape ChooseShape(DecoderDescription description, WeightLayout layout, int examplesPerStep, TrainingMemory memory, IReadOnlyList<TrainingExample> examples)
    {
        var common = TrainableWeights.ByteLength(description) + ((Count - 1) * WeightGradients.ByteLength(description, layout)) + AdamW.ByteLength(layout.Length);
        var share = new TrainingMemory { Activations = memory.Activations, BudgetBytes = common + ((memory.BudgetBytes - common) / Count) };
        try
        {
            return TrainingPlan.ChooseShape(description, (examplesPerStep + 1) / Count, share, examples, common) with { Examples = examplesPerStep };
        }
        catch (MemoryBudgetException exception)
        {
            throw new MemoryBudgetException(memory.BudgetBytes, common + (Count * (exception.RequiredBytes - common)));
        }
    }
}

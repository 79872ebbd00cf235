using Personalize.Core.Kernels;
using Personalize.Training.Data;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Steps;

/// <summary>Computes steps as a whole in one lane, or in two halves (<see cref="StepHalves"/>) in two; the first lane's gradients then hold the sum.</summary>
/// <param name="threads">The lanes' threads, borrowed.</param>
/// <param name="steps">What computes in each lane, one or two.</param>
internal sealed unsafe class StepLanes(LaneThreads threads, IReadOnlyList<TrainingStep> steps)
{
    /// <summary>Replaces the first lane's gradients by those of the mean loss of the examples.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public TrainingStep.Outcome Compute(IReadOnlyList<TrainingExample> examples, CancellationToken cancellationToken)
    {
        var parts = steps.Count == 1 ? [examples] : StepHalves.Divide(examples);
        var lossTokens = examples.Sum(example => example.LossTokenCount);
        var divisor = Math.Max(1, lossTokens);
        var sums = new (double Nll, int Tokens)[steps.Count];
        threads.Run(lane => sums[lane] = steps[lane].Accumulate(parts[lane], 1f / divisor, cancellationToken));
        var gradients = steps[0].Gradients;
        foreach (var step in steps.Skip(1))
        {
            VectorAdd.InPlace(gradients.Pointer, step.Gradients.Pointer, gradients.Length);
        }

        return new TrainingStep.Outcome(sums.Sum(sum => sum.Nll) / divisor, GradientClipping.GlobalNorm(gradients.Span), sums.Sum(sum => sum.Tokens), lossTokens);
    }
}

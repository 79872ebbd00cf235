using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;

namespace Personalize.Training.Evaluation;

/// <summary>Watches the loss on held-back later examples while an adapter is trained, keeps the parameters of the lowest one, and says when waiting longer is in vain.</summary>
/// <remarks>
/// Asked between steps, when parameters are whole. Deterministic: the same parameters give the same decisions on any number of threads and in any micro-batch. Owns a copy of the parameters; borrows stack and adapter. Not thread-safe.
/// </remarks>
internal sealed class TrainingMonitor : IDisposable
{
    private readonly DecoderStack _stack;
    private readonly TrainableAdapter _adapter;
    private readonly IReadOnlyList<TrainingExample> _heldBack;
    private readonly int _interval;
    private readonly int _patience;
    private readonly MicroBatchCapacity _capacity;
    private readonly PackedBatch _batch = new();

    /// <param name="stack">The decoder with the adapter that is trained.</param>
    /// <param name="adapter">The adapter that is trained.</param>
    /// <param name="heldBack">The examples whose loss is watched, at least one with a loss token.</param>
    /// <param name="recipe">How often to measure, and how long to wait.</param>
    /// <param name="capacity">How much the stack computes together.</param>
    public TrainingMonitor(DecoderStack stack, TrainableAdapter adapter, IReadOnlyList<TrainingExample> heldBack, LoraRecipe recipe, MicroBatchCapacity capacity)
    {
        if (heldBack.Sum(e => (long)e.LossTokenCount) == 0)
        {
            throw new ArgumentException("no token of the held-back examples carries loss", nameof(heldBack));
        }

        _stack = stack;
        _adapter = adapter;
        _heldBack = heldBack;
        _interval = recipe.ValidationInterval;
        _patience = recipe.Patience;
        _capacity = capacity;
        Best = new NativeBuffer<float>(adapter.Parameters.Length);
        adapter.Parameters.Span.CopyTo(Best.Span);
    }

    /// <summary>Everything that decides what comes next, besides <see cref="Best"/>; a checkpoint keeps both.</summary>
    public MonitorState State { get; set; } = new(double.PositiveInfinity, 0, 0, 0);

    /// <summary>Whether the patience is over.</summary>
    public bool HasStopped => State.Waited >= _patience;

    /// <summary>The parameters of the lowest loss; those of the start before the first measurement.</summary>
    public NativeBuffer<float> Best { get; }

    /// <summary>Divides examples in time order: the last <paramref name="share"/> of them, rounded down but with a share at least one, are held back.</summary>
    /// <returns>How many examples train; all of them if nothing is to be held back or only one is there.</returns>
    public static int TrainCount(int count, double share) => share > 0 && count > 1 ? count - Math.Max(1, (int)(count * share)) : count;

    /// <summary>Measures if it is time to, once after any step.</summary>
    /// <param name="stepsTaken">How many steps were taken.</param>
    /// <param name="isLast">Whether no step follows, so that the end is always measured.</param>
    /// <param name="cancellationToken">Looked at before every layer; a measurement that was cut off changes nothing.</param>
    public void AfterStep(int stepsTaken, bool isLast, CancellationToken cancellationToken)
    {
        if (stepsTaken == State.MeasuredStep || (stepsTaken % _interval != 0 && !isLast))
        {
            return;
        }

        var loss = Measure(cancellationToken);
        if (loss < State.BestLoss)
        {
            _adapter.Parameters.Span.CopyTo(Best.Span);
            State = new MonitorState(loss, stepsTaken, 0, stepsTaken);
            return;
        }

        // A loss that is no number is not lower either, so a diverged adapter waits until the patience is over and never becomes the best.
        State = State with { Waited = State.Waited + 1, MeasuredStep = stepsTaken };
    }

    /// <summary>Gives the adapter the best parameters back.</summary>
    public void RestoreBest() => Best.Span.CopyTo(_adapter.Parameters.Span);

    /// <summary>The mean loss of the held-back examples with the parameters as they are, in nats a token.</summary>
    public double Measure(CancellationToken cancellationToken)
    {
        var (sum, losses, start) = (0d, 0L, 0);
        while (start < _heldBack.Count)
        {
            var count = _capacity.Take(_heldBack, start);
            _batch.Fill(_heldBack, start, count);
            _stack.Evaluate(_batch, cancellationToken);

            // Loss by loss, so that the sum does not depend on how the examples were divided.
            foreach (var loss in _stack.Losses)
            {
                sum += loss;
                losses++;
            }

            start += count;
        }

        return sum / losses;
    }

    public void Dispose() => Best.Dispose();
}

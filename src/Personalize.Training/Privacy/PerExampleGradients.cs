using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Data;

namespace Personalize.Training.Privacy;

/// <summary>The gradients of each example of a packed batch by itself: <c>dA</c> and <c>dB</c> summed over its own tokens, in the backward that is done anyway.</summary>
/// <remarks>One vector for each example, laid out as <see cref="TrainableAdapter.Gradients"/>. Owns its native memory. Not thread-safe, except that kernels write disjoint parts.</remarks>
internal sealed unsafe class PerExampleGradients : IDisposable
{
    private readonly TrainableAdapter _adapter;
    private readonly NativeBuffer<float> _values;
    private readonly int _capacity;
    private IReadOnlyList<ExampleRange> _ranges = [];

    /// <summary>From now on the pairs of the adapter hand their gradients over to this, and none to the adapter.</summary>
    public PerExampleGradients(TrainableAdapter adapter, int capacity)
    {
        _adapter = adapter;
        _capacity = capacity;
        _values = new NativeBuffer<float>(ByteLength(adapter.Parameters.Length, capacity) / sizeof(float));
        adapter.CollectPerExample(this);
    }

    public static long ByteLength(long parameterCount, int capacity) => checked(capacity * parameterCount * sizeof(float));

    /// <summary>Says where the examples of the batch that comes next lie.</summary>
    public void Begin(PackedBatch batch)
    {
        if (batch.Ranges.Count > _capacity)
        {
            throw new ArgumentException($"there is room for the gradients of {_capacity} examples, not {batch.Ranges.Count}", nameof(batch));
        }

        _ranges = batch.Ranges;
    }

    /// <summary>The gradients of the example at an index of the batch.</summary>
    public Span<float> Of(int example) => new(_values.Pointer + (example * _adapter.Parameters.Length), checked((int)_adapter.Parameters.Length));

    /// <summary>Writes a pair's gradients <c>dA = dh^T x</c> and <c>dB = dy^T h</c> for every example; x is the pair's input, after its dropout.</summary>
    public void Write(WorkerPool pool, TrainablePair pair, float* x, float* h, float* dy, float* dh)
    {
        // Every pair is written once in each backward, so nothing has to be cleared before.
        long a = pair.GradientA - _adapter.Gradients.Pointer, b = pair.GradientTransposedB - _adapter.Gradients.Pointer;
        for (var e = 0; e < _ranges.Count; e++)
        {
            long start = _ranges[e].Start, inner = start * pair.Rank;
            var gradients = _values.Pointer + (e * _adapter.Parameters.Length);
            DenseMultiply.Run(pool, dh + inner, 1, pair.Rank, x + (start * pair.InputSize), pair.InputSize, gradients + a, pair.InputSize, pair.Rank, pair.InputSize, _ranges[e].Length, accumulate: false);
            DenseMultiply.Run(pool, h + inner, 1, pair.Rank, dy + (start * pair.OutputSize), pair.OutputSize, gradients + b, pair.OutputSize, pair.Rank, pair.OutputSize, _ranges[e].Length, accumulate: false);
        }
    }

    public void Dispose() => _values.Dispose();
}

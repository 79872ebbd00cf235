using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;

namespace Personalize.Training.Layers;

/// <summary>The rows' norms and factors of all maps that DoRA adapts (arXiv 2402.09353). Owns its native memory; borrows weights and adapter. Not thread-safe.</summary>
internal sealed unsafe class DoraState : IDisposable
{
    private readonly DecoderWeights _weights;
    private readonly List<Entry> _entries = [];
    private readonly NativeBuffer<double> _squares;
    private readonly NativeBuffer<float> _block;
    private readonly NativeBuffer<float> _product;

    public DoraState(DecoderDescription description, DecoderWeights weights, TrainableAdapter adapter, WorkerPool pool)
    {
        _weights = weights;
        var slots = (from layer in Enumerable.Range(0, description.LayerCount) from module in LoraConfiguration.AllTargets let pair = adapter[layer, module] where pair is { HasMagnitude: true } select (layer, module, pair)).ToList();
        var outputs = slots.Sum(s => (long)s.pair.OutputSize);
        _squares = new NativeBuffer<double>(outputs);
        _block = new NativeBuffer<float>(2 * outputs);
        _product = new NativeBuffer<float>(slots.Count == 0 ? 0 : slots.Max(s => (long)s.pair.OutputSize * s.pair.Rank));
        var offset = 0L;
        foreach (var (layer, module, pair) in slots)
        {
            var rows = new DoraRows { Squares = _squares.Pointer + offset, Norms = _block.Pointer + offset, Factors = _block.Pointer + outputs + offset };
            RowNorms.Squares(pool, weights.Layers[layer][module], rows.Squares);
            _entries.Add(new Entry(layer, module, pair, rows));
            offset += pair.OutputSize;
        }
    }

    /// <summary>The rows of a map, or null if DoRA does not adapt it.</summary>
    public DoraRows? this[int layer, LinearModule module] => _entries.Find(e => e.Layer == layer && e.Module == module)?.Rows;

    /// <summary>How many bytes a state takes.</summary>
    public static long ByteLength(DecoderDescription description, LoraConfiguration configuration)
    {
        if (!configuration.UseDora)
        {
            return 0;
        }

        var outputs = configuration.Targets.Sum(module => (long)description.GetShape(module).Output) * description.LayerCount;
        var product = Enumerable.Range(0, description.LayerCount).Max(layer => configuration.Targets.Max(module => (long)description.GetShape(module).Output * configuration.GetRank(layer, module)));
        return (outputs * (sizeof(double) + (2 * sizeof(float)))) + (product * sizeof(float));
    }

    /// <summary>Computes norms and factors anew from the parameters as they are now.</summary>
    public void Refresh(WorkerPool pool)
    {
        foreach (var (layer, module, pair, rows) in _entries)
        {
            RowNorms.Adapted(pool, _weights.Layers[layer][module], rows.Squares, pair.A, pair.TransposedB, pair.Rank, pair.Scale, _product.Pointer, rows.Norms);
            for (var n = 0; n < pair.OutputSize; n++)
            {
                rows.Factors[n] = pair.Magnitude[n] / rows.Norms[n];
            }
        }
    }

    public void Dispose()
    {
        _squares.Dispose();
        _block.Dispose();
        _product.Dispose();
    }

    private sealed record Entry(int Layer, LinearModule Module, TrainablePair Pair, DoraRows Rows);
}

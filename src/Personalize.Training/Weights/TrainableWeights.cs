using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Training.Adapters;

namespace Personalize.Training.Weights;

/// <summary>All weights of a decoder while they are trained: row-major in one flat vector, gradients in another, and a packed single-precision copy that the layers compute with.</summary>
/// <remarks>After the parameters changed, <see cref="Publish"/> brings the copy up to date. Owns its memory but for <see cref="Weights"/> once it was taken. Not thread-safe.</remarks>
internal sealed unsafe class TrainableWeights : IDisposable
{
    private readonly DecoderDescription _description;
    private readonly WeightLayout _layout;
    private bool _isTaken;

    private TrainableWeights(DecoderDescription description)
    {
        _description = description;
        _layout = new WeightLayout(description);
        Parameters = new NativeBuffer<float>(_layout.Length);
        Gradients = new WeightGradients(description, _layout);
    }

    public NativeBuffer<float> Parameters { get; }

    public WeightGradients Gradients { get; }

    public WeightLayout Layout => _layout;

    /// <summary>What the layers read: the parameters as of the last <see cref="Publish"/>.</summary>
    public DecoderWeights Weights { get; private set; } = null!;

    /// <summary>How many bytes parameters, gradients and the packed copy of a model take.</summary>
    public static long ByteLength(DecoderDescription description)
    {
        var layout = new WeightLayout(description);
        return (2 * sizeof(float) * layout.Length) + WeightGradients.ByteLength(description, layout);
    }

    /// <summary>New weights: matrices uniform with standard deviation 0.02, those that write into the residual stream divided by sqrt(2 layers) (GPT-2), gains 1, biases 0.</summary>
    public static TrainableWeights Initialize(DecoderDescription description, ulong seed)
    {
        const float Deviation = 0.02f;
        var bound = Deviation * MathF.Sqrt(3);
        var weights = new TrainableWeights(description);
        var stream = 0UL;
        void Draw(WeightSlot slot, float limit) => UniformStream.Fill(weights.Values(slot), UniformStream.Key(seed, stream++), limit);
        var layout = weights._layout;
        Draw(layout.Embedding, bound);
        if (layout.Output != layout.Embedding)
        {
            Draw(layout.Output, bound);
        }

        weights.Values(layout.OutputNorm).Fill(1);
        foreach (var layer in layout.Layers)
        {
            weights.Values(layer.AttentionNorm).Fill(1);
            weights.Values(layer.FeedForwardNorm).Fill(1);
            foreach (var module in LoraConfiguration.AllTargets)
            {
                var writes = module is LinearModule.Output or LinearModule.Down;
                Draw(layer.Maps[(int)module], writes ? bound / MathF.Sqrt(2 * description.LayerCount) : bound);
            }
        }

        weights.Weights = weights.Pack();
        return weights;
    }

    /// <summary>Starts from the weights of a model, decoded to single precision.</summary>
    public static TrainableWeights From(DecoderDescription description, DecoderWeights source)
    {
        var weights = new TrainableWeights(description);
        var layout = weights._layout;
        weights.Read(source.TokenEmbedding, layout.Embedding);
        if (layout.Output != layout.Embedding)
        {
            weights.Read(source.OutputProjection, layout.Output);
        }

        weights.Read(source.OutputNorm, layout.OutputNorm);
        for (var i = 0; i < layout.Layers.Count; i++)
        {
            var (slots, layer) = (layout.Layers[i], source.Layers[i]);
            weights.Read(layer.AttentionNorm, slots.AttentionNorm);
            weights.Read(layer.FeedForwardNorm, slots.FeedForwardNorm);
            foreach (var module in LoraConfiguration.AllTargets)
            {
                weights.Read(layer[module], slots.Maps[(int)module]);
                if (slots.BiasOf(module) is { } bias)
                {
                    weights.Read(layer.GetBias(module)!, bias);
                }
            }
        }

        weights.Weights = weights.Pack();
        return weights;
    }

    /// <summary>The parameters of one tensor, row-major.</summary>
    public Span<float> Values(WeightSlot slot) => new(Parameters.Pointer + slot.Start, checked((int)slot.Length));

    /// <summary>Brings <see cref="Weights"/> up to date with the parameters. Nobody may compute with them meanwhile.</summary>
    public void Publish(WorkerPool pool)
    {
        Write(pool, Weights.TokenEmbedding, _layout.Embedding);
        if (_layout.Output != _layout.Embedding)
        {
            Write(pool, Weights.OutputProjection, _layout.Output);
        }

        Write(Weights.OutputNorm, _layout.OutputNorm);
        for (var i = 0; i < _layout.Layers.Count; i++)
        {
            var (slots, layer) = (_layout.Layers[i], Weights.Layers[i]);
            Write(layer.AttentionNorm, slots.AttentionNorm);
            Write(layer.FeedForwardNorm, slots.FeedForwardNorm);
            foreach (var module in LoraConfiguration.AllTargets)
            {
                Write(pool, layer[module], slots.Maps[(int)module]);
                if (slots.BiasOf(module) is { } bias)
                {
                    Write(layer.GetBias(module)!, bias);
                }
            }
        }
    }

    /// <summary>Gives the packed weights away: the caller disposes them, and nothing may be trained any more.</summary>
    public DecoderWeights Take()
    {
        _isTaken = true;
        return Weights;
    }

    public void Dispose()
    {
        if (!_isTaken)
        {
            Weights.Dispose();
        }

        Parameters.Dispose();
        Gradients.Dispose();
    }

    private void Read(PackedMatrix source, WeightSlot slot)
    {
        for (var row = 0; row < slot.Rows; row++)
        {
            source.ReadRow(row, Values(slot).Slice(row * slot.Columns, slot.Columns));
        }
    }

    private void Read(WeightVector source, WeightSlot slot) => new ReadOnlySpan<float>(source.Pointer, source.Length).CopyTo(Values(slot));

    private void Write(WorkerPool pool, PackedMatrix target, WeightSlot slot) => target.Overwrite(pool, Parameters.Pointer + slot.Start);

    private void Write(WeightVector target, WeightSlot slot) => Values(slot).CopyTo(new Span<float>(target.Pointer, target.Length));

    private DecoderWeights Pack()
    {
        PackedMatrix Matrix(WeightSlot slot) => PackedMatrix.Pack(WeightFormat.Float32, MemoryMarshal.AsBytes(Values(slot)), slot.Rows, slot.Columns);
        WeightVector Vector(WeightSlot slot) => new(Values(slot));
        WeightVector? Bias(LayerSlots slots, LinearModule module) => slots.BiasOf(module) is { } bias ? Vector(bias) : null;
        var embedding = Matrix(_layout.Embedding);
        var layers = _layout.Layers.Select(slots => new DecoderLayerWeights
        {
            AttentionNorm = Vector(slots.AttentionNorm),
            Query = Matrix(slots.Maps[(int)LinearModule.Query]),
            Key = Matrix(slots.Maps[(int)LinearModule.Key]),
            Value = Matrix(slots.Maps[(int)LinearModule.Value]),
            QueryBias = Bias(slots, LinearModule.Query),
            KeyBias = Bias(slots, LinearModule.Key),
            ValueBias = Bias(slots, LinearModule.Value),
            Output = Matrix(slots.Maps[(int)LinearModule.Output]),
            FeedForwardNorm = Vector(slots.FeedForwardNorm),
            Gate = Matrix(slots.Maps[(int)LinearModule.Gate]),
            Up = Matrix(slots.Maps[(int)LinearModule.Up]),
            Down = Matrix(slots.Maps[(int)LinearModule.Down]),
        }).ToList();
        return new DecoderWeights(embedding, layers, Vector(_layout.OutputNorm), _layout.Output == _layout.Embedding ? embedding : Matrix(_layout.Output));
    }
}

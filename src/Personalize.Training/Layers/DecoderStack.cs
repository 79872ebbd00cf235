using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Losses;
using Personalize.Training.Memory;

namespace Personalize.Training.Layers;

/// <summary>The whole decoder over packed examples: losses, and the gradients of an adapter.</summary>
/// <remarks>Owns its workspace and rotary table; borrows weights, pool and adapter. Not thread-safe; one call after another.</remarks>
internal sealed unsafe class DecoderStack : IDisposable
{
    private readonly DecoderDescription _description;
    private readonly DecoderWeights _weights;
    private readonly WorkerPool _pool;
    private readonly TrainingWorkspace _workspace;
    private readonly RotaryTable _rotary;
    private readonly DecoderLayer[] _layers;
    private readonly CrossEntropy _loss;

    public DecoderStack(DecoderDescription description, DecoderWeights weights, WorkerPool pool, TrainableAdapter? adapter, WorkspaceShape shape)
    {
        _description = description;
        _weights = weights;
        _pool = pool;
        _layers = [.. weights.Layers.Select((layer, index) => new DecoderLayer(description, layer, adapter, index))];
        _loss = new CrossEntropy(description, weights);
        _rotary = new RotaryTable(description.HeadDimension, description.RotaryDimension, description.RotaryBase, [.. description.RotaryFactors], shape.LongestExample);
        _workspace = new TrainingWorkspace(description, shape);
    }

    /// <summary>The losses of the last call, in the order of the batch's <see cref="PackedBatch.Losses"/>, in nats.</summary>
    public ReadOnlySpan<double> Losses => new(_workspace.Loss.Nll, LossCount);

    private int LossCount { get; set; }

    /// <summary>Computes the losses alone.</summary>
    /// <returns>Their sum, in nats.</returns>
    public double Evaluate(PackedBatch batch, CancellationToken cancellationToken)
    {
        Forward(batch, cancellationToken);
        _loss.Run(_pool, _workspace.Loss, LossCount, _workspace.Stream(_layers.Length), null, 0);
        return SumOfLosses();
    }

    /// <summary>Computes the losses and adds to the adapter's gradients those of <c>scale * sum of losses</c>.</summary>
    /// <returns>The sum of the losses, in nats, not scaled.</returns>
    public double Accumulate(PackedBatch batch, float scale, CancellationToken cancellationToken)
    {
        var pass = Forward(batch, cancellationToken);
        var gradient = _workspace.StreamGradient;
        new Span<float>(gradient, checked(batch.TokenCount * _description.HiddenSize)).Clear();
        _loss.Run(_pool, _workspace.Loss, LossCount, _workspace.Stream(_layers.Length), gradient, scale);
        for (var layer = _layers.Length - 1; layer >= 0; layer--)
        {
            cancellationToken.ThrowIfCancellationRequested();
            float* input = _workspace.Stream(layer);
            var kept = _workspace.Activations(layer);
            if (!_workspace.IsKept(layer))
            {
                _layers[layer].Recompute(pass, input, kept);
            }

            _layers[layer].Backward(pass, input, kept, gradient, needsInputGradient: layer > 0);
        }

        return SumOfLosses();
    }

    public void Dispose()
    {
        _workspace.Dispose();
        _rotary.Dispose();
    }

    private LayerPass Forward(PackedBatch batch, CancellationToken cancellationToken)
    {
        var pass = Load(batch);
        TokenOperations.Embed(_pool, _weights.TokenEmbedding, _workspace.TokenIds, _workspace.Stream(0), batch.TokenCount);
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _layers[layer].Forward(pass, _workspace.Stream(layer), _workspace.Activations(layer), _workspace.Stream(layer + 1));
        }

        return pass;
    }

    private LayerPass Load(PackedBatch batch)
    {
        var shape = _workspace.Shape;
        if (batch.TokenCount > shape.Tokens || batch.Ranges.Count > shape.Examples)
        {
            throw new ArgumentException($"a batch of {batch.TokenCount} tokens in {batch.Ranges.Count} examples is larger than the workspace was planned for", nameof(batch));
        }

        batch.Tokens.CopyTo(new Span<int>(_workspace.TokenIds, shape.Tokens));
        batch.Positions.CopyTo(new Span<int>(_workspace.Positions, shape.Tokens));
        var longest = 0;
        for (var i = 0; i < batch.Ranges.Count; i++)
        {
            _workspace.Ranges[i] = batch.Ranges[i];
            longest = Math.Max(longest, batch.Ranges[i].Length);
        }

        if (longest > shape.LongestExample)
        {
            throw new ArgumentException($"an example of {longest} tokens is longer than the workspace was planned for", nameof(batch));
        }

        LossCount = batch.Losses.Count;
        for (var i = 0; i < LossCount; i++)
        {
            _workspace.Loss.Positions[i] = batch.Losses[i];
        }

        return new LayerPass
        {
            Pool = _pool,
            Rotary = _rotary,
            Scratch = _workspace.Scratch,
            Tokens = batch.TokenCount,
            Examples = new ExampleTable(_workspace.Ranges, batch.Ranges.Count, longest),
            Positions = _workspace.Positions,
        };
    }

    private double SumOfLosses()
    {
        var sum = 0d;
        foreach (var loss in Losses)
        {
            sum += loss;
        }

        return sum;
    }
}

using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Losses;
using Personalize.Training.Memory;

namespace Personalize.Training.Layers;

/// <summary>The whole decoder over packed examples: losses, and the gradients of an adapter or of all weights.</summary>
/// <remarks>Owns its rotary table and, unless it was lent, its workspace; borrows weights, pool, adapter and gradients. Not thread-safe; one call after another.</remarks>
internal sealed unsafe class DecoderStack : IDisposable
{
    private readonly DecoderDescription _description;
    private readonly DecoderWeights _weights;
    private readonly WorkerPool _pool;
    private readonly TrainingWorkspace _workspace;
    private readonly bool _ownsWorkspace;
    private readonly RotaryTable _rotary;
    private readonly DecoderLayer[] _layers;
    private readonly CrossEntropy _loss;
    private readonly DoraState? _dora;
    private readonly AdapterDropout? _dropout;
    private readonly StackGradients? _trained;

    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The model's weights.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="adapter">The adapter, or null.</param>
    /// <param name="shape">The sizes of the workspace.</param>
    /// <param name="dropout">Dropout on the pairs' inputs, which takes part in <see cref="Accumulate"/> alone; its masks are chosen by <see cref="AdapterDropout.Begin"/>.</param>
    /// <param name="trained">Where the gradients of the weights themselves go; null where they are frozen.</param>
    /// <param name="workspace">A workspace of that shape that is lent, free between two calls; null for one of its own.</param>
    public DecoderStack(
        DecoderDescription description,
        DecoderWeights weights,
        WorkerPool pool,
        TrainableAdapter? adapter,
        WorkspaceShape shape,
        AdapterDropout? dropout = null,
        StackGradients? trained = null,
        TrainingWorkspace? workspace = null)
    {
        _description = description;
        _weights = weights;
        _pool = pool;
        _dora = adapter is { UsesDora: true } ? new DoraState(description, weights, adapter, pool) : null;
        _dropout = dropout;
        _trained = trained;
        _layers = [.. weights.Layers.Select((layer, index) => new DecoderLayer(description, layer, adapter, _dora, trained?.Layers[index], index))];
        _loss = new CrossEntropy(description, weights, trained);
        _rotary = new RotaryTable(description.HeadDimension, description.RotaryDimension, description.RotaryBase, [.. description.RotaryFactors], shape.LongestExample);
        _ownsWorkspace = workspace is null;
        _workspace = workspace ?? new TrainingWorkspace(description, shape);
    }

    /// <summary>The losses of the last call, in the order of the batch's <see cref="PackedBatch.Losses"/>, in nats.</summary>
    public ReadOnlySpan<double> Losses => new(_workspace.Loss.Nll, LossCount);

    /// <summary>What a call writes, to be lent to stacks whose calls do not overlap with this one's.</summary>
    public TrainingWorkspace Workspace => _workspace;

    private int LossCount { get; set; }

    /// <summary>Computes the losses alone.</summary>
    /// <returns>Their sum, in nats.</returns>
    public double Evaluate(PackedBatch batch, CancellationToken cancellationToken)
    {
        Forward(batch, dropout: null, cancellationToken);
        _loss.Run(_pool, _workspace.Loss, LossCount, _workspace.Stream(_layers.Length), null, 0);
        return SumOfLosses();
    }

    /// <summary>Computes the losses and adds to the adapter's gradients those of <c>scale * sum of losses</c>.</summary>
    /// <returns>The sum of the losses, in nats, not scaled.</returns>
    public double Accumulate(PackedBatch batch, float scale, CancellationToken cancellationToken)
    {
        var pass = Forward(batch, _dropout, cancellationToken);
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

            _layers[layer].Backward(pass, input, kept, gradient, needsInputGradient: layer > 0 || _trained is not null);
        }

        if (_trained is not null)
        {
            TokenOperations.AddToRows(_workspace.TokenIds, gradient, _trained.Embedding, batch.TokenCount, _description.HiddenSize);
        }

        return SumOfLosses();
    }

    public void Dispose()
    {
        if (_ownsWorkspace)
        {
            _workspace.Dispose();
        }

        _rotary.Dispose();
        _dora?.Dispose();
    }

    private LayerPass Forward(PackedBatch batch, AdapterDropout? dropout, CancellationToken cancellationToken)
    {
        var pass = Load(batch, dropout);
        _dora?.Refresh(_pool);
        TokenOperations.Embed(_pool, _weights.TokenEmbedding, _workspace.TokenIds, _workspace.Stream(0), batch.TokenCount);
        for (var layer = 0; layer < _layers.Length; layer++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _layers[layer].Forward(pass, _workspace.Stream(layer), _workspace.Activations(layer), _workspace.Stream(layer + 1));
        }

        return pass;
    }

    private LayerPass Load(PackedBatch batch, AdapterDropout? dropout)
    {
        var shape = _workspace.Shape;
        if (batch.TokenCount > shape.Tokens || batch.Ranges.Count > shape.Examples)
        {
            throw new ArgumentException($"a batch of {batch.TokenCount} tokens in {batch.Ranges.Count} examples is larger than the workspace was planned for", nameof(batch));
        }

        _workspace.Arrange(batch.TokenCount);
        batch.Tokens.CopyTo(new Span<int>(_workspace.TokenIds, batch.TokenCount));
        batch.Positions.CopyTo(new Span<int>(_workspace.Positions, batch.TokenCount));
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

        for (var i = 0; dropout is not null && i < batch.Ranges.Count; i++)
        {
            var (range, hash) = (batch.Ranges[i], batch.HashOf(i));
            for (var position = 0; position < range.Length; position++)
            {
                _workspace.TokenKeys[range.Start + position] = AdapterDropout.TokenKey(hash, position);
            }
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
            Dropout = dropout,
            TokenKeys = _workspace.TokenKeys,
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

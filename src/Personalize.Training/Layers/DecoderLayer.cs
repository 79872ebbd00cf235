using Personalize.Core.Adapters;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;

namespace Personalize.Training.Layers;

/// <summary>
/// One layer of the decoder as a pair of a forward and a backward: <c>m = x + O attention(rope(Q n(x)), rope(K n(x)), V n(x))</c>, <c>y = m + Down(silu(Gate n'(m)) * Up n'(m))</c>,
/// each linear map with its low-rank pair.
/// </summary>
/// <remarks>x, m, y and their gradients are <c>[tokens, hidden]</c>. Keeps no state of its own: what the backward needs stands in <see cref="LayerActivations"/>.</remarks>
internal sealed unsafe class DecoderLayer
{
    private readonly AttentionShape _shape;
    private readonly int _hiddenSize;
    private readonly int _intermediateSize;
    private readonly float _epsilon;
    private readonly WeightVector _attentionNorm;
    private readonly WeightVector _feedForwardNorm;
    private readonly LoraLinear _query;
    private readonly LoraLinear _key;
    private readonly LoraLinear _value;
    private readonly LoraLinear _output;
    private readonly LoraLinear _gate;
    private readonly LoraLinear _up;
    private readonly LoraLinear _down;
    private readonly LayerGradients? _trained;

    public DecoderLayer(DecoderDescription description, DecoderLayerWeights weights, TrainableAdapter? adapter, DoraState? dora, LayerGradients? trained, int layer)
    {
        _trained = trained;
        _shape = new AttentionShape(description.HeadCount, description.KeyValueHeadCount, description.HeadDimension);
        _hiddenSize = description.HiddenSize;
        _intermediateSize = description.IntermediateSize;
        _epsilon = description.RmsNormEpsilon;
        _attentionNorm = weights.AttentionNorm;
        _feedForwardNorm = weights.FeedForwardNorm;
        _query = Linear(LinearModule.Query, weights.QueryBias);
        _key = Linear(LinearModule.Key, weights.KeyBias);
        _value = Linear(LinearModule.Value, weights.ValueBias);
        _output = Linear(LinearModule.Output);
        _gate = Linear(LinearModule.Gate);
        _up = Linear(LinearModule.Up);
        _down = Linear(LinearModule.Down);

        LoraLinear Linear(LinearModule module, WeightVector? bias = null) =>
            new(weights[module], bias, adapter?[layer, module], dora?[layer, module], trained?.Maps[(int)module], (layer * LoraConfiguration.AllTargets.Count) + (int)module);
    }

    /// <summary>Computes the layer. <paramref name="output"/> may be <paramref name="input"/> if there is no backward.</summary>
    public void Forward(LayerPass pass, float* input, LayerActivations kept, float* output)
    {
        UpToActivation(pass, input, kept);
        _down.Forward(pass, pass.Scratch.Activated, output, kept.LowRank(LinearModule.Down));
        TokenOperations.Add(pass.Pool, kept.Middle, output, pass.Tokens, _hiddenSize);
    }

    /// <summary>Computes again what the backward needs of a layer whose activations were dropped: the forward's operations but for the last product, so the same bits.</summary>
    public void Recompute(LayerPass pass, float* input, LayerActivations kept)
    {
        UpToActivation(pass, input, kept);
        _down.Project(pass, pass.Scratch.Activated, kept.LowRank(LinearModule.Down));
    }

    /// <summary>Turns the gradient of the output into that of the input, in place, and adds the gradients of the parameters.</summary>
    /// <param name="pass">The batch.</param>
    /// <param name="input">The forward's input.</param>
    /// <param name="kept">What the forward kept; spoilt afterwards.</param>
    /// <param name="gradient">The gradient of the residual stream.</param>
    /// <param name="needsInputGradient">False in the first layer: below it nothing is trained, and the gradient is left unfinished.</param>
    public void Backward(LayerPass pass, float* input, LayerActivations kept, float* gradient, bool needsInputGradient)
    {
        FeedForwardBackward(pass, kept, gradient);
        AttentionBackward(pass, input, kept, gradient, needsInputGradient);
    }

    private void UpToActivation(LayerPass pass, float* input, LayerActivations kept)
    {
        var (pool, tokens, scratch) = (pass.Pool, pass.Tokens, pass.Scratch);
        TokenOperations.Normalize(pool, input, _attentionNorm.Pointer, scratch.Normalized, tokens, _hiddenSize, _epsilon);
        _query.Forward(pass, scratch.Normalized, kept.Query, kept.LowRank(LinearModule.Query));
        _key.Forward(pass, scratch.Normalized, kept.Key, kept.LowRank(LinearModule.Key));
        _value.Forward(pass, scratch.Normalized, kept.Value, kept.LowRank(LinearModule.Value));
        Rotate(pass, kept.Query, kept.Key, inverse: false);
        CausalAttention.Forward(pool, _shape, pass.Examples, tokens, kept.Query, kept.Key, kept.Value, kept.Attended, kept.LogSumExp, scratch.Attention);
        _output.Forward(pass, kept.Attended, kept.Middle, kept.LowRank(LinearModule.Output));
        TokenOperations.Add(pool, input, kept.Middle, tokens, _hiddenSize);
        TokenOperations.Normalize(pool, kept.Middle, _feedForwardNorm.Pointer, scratch.Normalized, tokens, _hiddenSize, _epsilon);
        _gate.Forward(pass, scratch.Normalized, kept.Gate, kept.LowRank(LinearModule.Gate));
        _up.Forward(pass, scratch.Normalized, kept.Up, kept.LowRank(LinearModule.Up));
        TokenOperations.Gate(pool, kept.Gate, kept.Up, scratch.Activated, tokens, _intermediateSize);
    }

    private void FeedForwardBackward(LayerPass pass, LayerActivations kept, float* gradient)
    {
        var (pool, tokens, scratch) = (pass.Pool, pass.Tokens, pass.Scratch);
        TokenOperations.Gate(pool, kept.Gate, kept.Up, scratch.Activated, tokens, _intermediateSize);
        _down.Backward(pass, scratch.Activated, kept.LowRank(LinearModule.Down), gradient, scratch.ActivatedGradient, accumulate: false);
        SwiGluBackward.Run(pool, kept.Gate, kept.Up, scratch.ActivatedGradient, tokens, _intermediateSize);
        TokenOperations.Normalize(pool, kept.Middle, _feedForwardNorm.Pointer, scratch.Normalized, tokens, _hiddenSize, _epsilon);
        _gate.Backward(pass, scratch.Normalized, kept.LowRank(LinearModule.Gate), kept.Gate, scratch.NormalizedGradient, accumulate: false);
        _up.Backward(pass, scratch.Normalized, kept.LowRank(LinearModule.Up), kept.Up, scratch.NormalizedGradient, accumulate: true);
        if (_trained is not null)
        {
            RmsNormBackward.AddGain(pool, kept.Middle, scratch.NormalizedGradient, _trained.FeedForwardNorm, tokens, _hiddenSize, _epsilon);
        }

        RmsNormBackward.Run(pool, kept.Middle, _feedForwardNorm.Pointer, scratch.NormalizedGradient, gradient, tokens, _hiddenSize, _epsilon);
    }

    private void AttentionBackward(LayerPass pass, float* input, LayerActivations kept, float* gradient, bool needsInputGradient)
    {
        var (pool, tokens, scratch) = (pass.Pool, pass.Tokens, pass.Scratch);
        _output.Backward(pass, kept.Attended, kept.LowRank(LinearModule.Output), gradient, scratch.AttendedGradient, accumulate: false);
        CausalAttention.Backward(
            pool,
            _shape,
            pass.Examples,
            tokens,
            kept.Query,
            kept.Key,
            kept.Value,
            kept.Attended,
            kept.LogSumExp,
            scratch.AttendedGradient,
            scratch.QueryGradient,
            scratch.KeyGradient,
            scratch.ValueGradient,
            scratch.Attention);
        Rotate(pass, scratch.QueryGradient, scratch.KeyGradient, inverse: true);
        TokenOperations.Normalize(pool, input, _attentionNorm.Pointer, scratch.Normalized, tokens, _hiddenSize, _epsilon);
        var dx = needsInputGradient ? scratch.NormalizedGradient : null;
        _query.Backward(pass, scratch.Normalized, kept.LowRank(LinearModule.Query), scratch.QueryGradient, dx, accumulate: false);
        _key.Backward(pass, scratch.Normalized, kept.LowRank(LinearModule.Key), scratch.KeyGradient, dx, accumulate: true);
        _value.Backward(pass, scratch.Normalized, kept.LowRank(LinearModule.Value), scratch.ValueGradient, dx, accumulate: true);
        if (_trained is not null)
        {
            RmsNormBackward.AddGain(pool, input, scratch.NormalizedGradient, _trained.AttentionNorm, tokens, _hiddenSize, _epsilon);
        }

        if (needsInputGradient)
        {
            RmsNormBackward.Run(pool, input, _attentionNorm.Pointer, scratch.NormalizedGradient, gradient, tokens, _hiddenSize, _epsilon);
        }
    }

    private void Rotate(LayerPass pass, float* query, float* key, bool inverse)
    {
        TokenOperations.Rotate(pass.Pool, pass.Rotary, pass.Positions, query, pass.Tokens, _shape.Heads, _shape.HeadDimension, inverse);
        TokenOperations.Rotate(pass.Pool, pass.Rotary, pass.Positions, key, pass.Tokens, _shape.KeyValueHeads, _shape.HeadDimension, inverse);
    }
}

namespace Personalize.Inference.Decoding;

public sealed unsafe partial class DecoderSession
{
    /// <summary>
    /// Computes the layers from <paramref name="layer"/> on again over all tokens fed so far, which fitted one chunk. What the layers before it left in the cache is taken as it is;
    /// with the hidden states of a feed, a change in one layer costs the layers after it and no others.
    /// </summary>
    /// <param name="layer">The first layer to compute, counted from 0.</param>
    /// <param name="stream">What enters it <c>[tokens, hidden]</c>, as a <see cref="HiddenStateConsumer"/> was told under this number.</param>
    /// <param name="onLogits">Called for each token in order.</param>
    internal void Replay(int layer, ReadOnlySpan<float> stream, LogitsConsumer onLogits)
    {
        using var use = BeginUse();
        var count = Position;
        if (count > _chunk || stream.Length != count * _description.HiddenSize)
        {
            throw new ArgumentException($"{stream.Length} values are not the states of the {count} tokens of one chunk", nameof(stream));
        }

        stream.CopyTo(_stream.Span);
        Position = 0;
        _verifiedTokens = 0;
        _rotary.MoveTo(0, count);
        AddAndNormalize(count, delta: null, _model.Weights.Layers[layer].AttentionNorm);
        RunLayersFrom(layer, count, 0, onHiddenState: null);
        Position = count;
        RunOutput(0, count, 0, onLogits);
    }
}

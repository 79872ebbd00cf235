namespace Personalize.Inference.Decoding;

/// <summary>Receives the residual stream of a chunk of tokens, to find the first layer that differs from a reference.</summary>
/// <param name="layer">How many layers the states have passed; 0 is the embedding.</param>
/// <param name="firstToken">The index of the chunk's first token among those that were fed.</param>
/// <param name="states"><c>[tokens, hidden]</c>, before the last norm; valid only during the call.</param>
public delegate void HiddenStateConsumer(int layer, int firstToken, ReadOnlySpan<float> states);

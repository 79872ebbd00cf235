namespace Personalize.Inference.Decoding;

/// <summary>Receives the logits of one token.</summary>
/// <param name="index">The token's index among those that were fed.</param>
/// <param name="logits">One number for each token of the vocabulary; valid only during the call.</param>
public delegate void LogitsConsumer(int index, ReadOnlySpan<float> logits);

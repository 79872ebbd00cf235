using Personalize.Inference.Generation;

namespace Personalize.Inference.Tests.Speculation;

/// <summary>A worse model: sharper, and with a liking for some tokens, so that q is neither p nor far from it.</summary>
internal sealed class BiasedSession(IDecoderSession inner) : IDecoderSession
{
    private readonly float[] _logits = new float[inner.VocabularySize];

    public int Position => inner.Position;

    public int ContextLength => inner.ContextLength;

    public int VocabularySize => inner.VocabularySize;

    public int MaxVerifyTokens => inner.MaxVerifyTokens;

    public ReadOnlySpan<float> Logits
    {
        get
        {
            inner.Logits.CopyTo(_logits);
            for (var token = 0; token < _logits.Length; token++)
            {
                _logits[token] = (1.4f * _logits[token]) + (0.8f * (token % 3));
            }

            return _logits;
        }
    }

    public void Prefill(ReadOnlySpan<int> tokens, CancellationToken cancellationToken) => inner.Prefill(tokens, cancellationToken);

    public void Decode(int token) => inner.Decode(token);

    public void Verify(ReadOnlySpan<int> tokens) => inner.Verify(tokens);

    public ReadOnlySpan<float> VerifiedLogits(int index) => inner.VerifiedLogits(index);

    public void TruncateTo(int position) => inner.TruncateTo(position);
}

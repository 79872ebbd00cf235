using Personalize.Inference.Decoding;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Tests.Chat;

/// <summary>A session that tells what was fed to it, and that can hold a caller up.</summary>
internal sealed class CountingSession(DecoderSession inner) : IDecoderSession, IDisposable
{
    public const int ChunkSize = 16;

    private readonly List<int> _tokens = [];

    /// <summary>How many tokens were computed, all told.</summary>
    public int Computed { get; private set; }

    /// <summary>How many tokens were copied from another session, all told.</summary>
    public int Copied { get; private set; }

    public bool IsDisposed { get; private set; }

    private DecoderSession Inner => inner;

    /// <summary>Called before each token and each chunk of a prompt.</summary>
    public Action? BeforeFeeding { get; set; }

    /// <summary>What the cache holds.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    public int Position => inner.Position;

    public int ContextLength => inner.ContextLength;

    public int VocabularySize => inner.VocabularySize;

    public int MaxVerifyTokens => inner.MaxVerifyTokens;

    public ReadOnlySpan<float> Logits => inner.Logits;

    public void Prefill(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        for (var first = 0; first < tokens.Length; first += ChunkSize)
        {
            BeforeFeeding?.Invoke();
            cancellationToken.ThrowIfCancellationRequested();
            var chunk = tokens[first..Math.Min(first + ChunkSize, tokens.Length)];
            inner.Prefill(chunk, cancellationToken);
            Add(chunk);
        }
    }

    public void Decode(int token)
    {
        BeforeFeeding?.Invoke();
        inner.Decode(token);
        Add([token]);
    }

    public void Verify(ReadOnlySpan<int> tokens)
    {
        BeforeFeeding?.Invoke();
        inner.Verify(tokens);
        Add(tokens);
    }

    public ReadOnlySpan<float> VerifiedLogits(int index) => inner.VerifiedLogits(index);

    public bool CanTruncateTo(int position) => inner.CanTruncateTo(position);

    public void TruncateTo(int position)
    {
        inner.TruncateTo(position);
        _tokens.RemoveRange(position, _tokens.Count - position);
    }

    public bool TryTakePrefix(IDecoderSession source, int count)
    {
        if (source is not CountingSession other || !inner.TryTakePrefix(other.Inner, count))
        {
            return false;
        }

        _tokens.Clear();
        _tokens.AddRange(other._tokens.Take(count));
        Copied += count;
        return true;
    }

    public void Dispose()
    {
        IsDisposed = true;
        inner.Dispose();
    }

    private void Add(ReadOnlySpan<int> tokens)
    {
        Computed += tokens.Length;
        _tokens.AddRange(tokens);
    }
}

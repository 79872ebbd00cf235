using Personalize.Core.Errors;
using Personalize.Inference.Generation;

namespace Personalize.Inference.Tests.Generation;

/// <summary>A decoder whose next token is a function of all tokens so far; it counts what it computes and can be watched.</summary>
internal sealed class ScriptedSession(Func<IReadOnlyList<int>, int> next, int contextLength = 1000, int vocabularySize = 257) : IDecoderSession
{
    private readonly List<int> _tokens = [];
    private readonly float[] _logits = new float[vocabularySize];
    private readonly List<float[]> _verified = [];
    private bool _hasLogits;

    public int ChunkSize { get; init; } = 4;

    public float Height { get; init; } = 1;

    public Action? BeforeEachToken { get; set; }

    public int ComputedTokens { get; private set; }

    public int MaxVerifyTokens { get; init; } = 6;

    public List<int> VerifiedLengths { get; } = [];

    public IReadOnlyList<int> Tokens => _tokens;

    public int Position => _tokens.Count;

    public int ContextLength => contextLength;

    public int VocabularySize => vocabularySize;

    public ReadOnlySpan<float> Logits => _hasLogits ? _logits : throw new InvalidOperationException("no logits");

    public void Prefill(ReadOnlySpan<int> tokens, CancellationToken cancellationToken)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            if (i % ChunkSize == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            Feed(tokens[i]);
        }
    }

    public void Decode(int token) => Feed(token);

    public void Verify(ReadOnlySpan<int> tokens)
    {
        if (tokens.Length is 0 || tokens.Length > MaxVerifyTokens)
        {
            throw new ArgumentOutOfRangeException(nameof(tokens));
        }

        if (tokens.Length > contextLength - _tokens.Count)
        {
            throw new ContextLengthException(tokens.Length, contextLength - _tokens.Count);
        }

        VerifiedLengths.Add(tokens.Length);
        var rows = new List<float[]>();
        foreach (var token in tokens)
        {
            Feed(token);
            rows.Add([.. _logits]);
        }

        _verified.AddRange(rows);
    }

    public ReadOnlySpan<float> VerifiedLogits(int index) => _verified[index];

    public void TruncateTo(int position)
    {
        _tokens.RemoveRange(position, _tokens.Count - position);
        _hasLogits = false;
        _verified.Clear();
    }

    private void Feed(int token)
    {
        if (_tokens.Count == contextLength)
        {
            throw new ContextLengthException(contextLength + 1, contextLength);
        }

        _verified.Clear();
        BeforeEachToken?.Invoke();
        _tokens.Add(token);
        ComputedTokens++;
        Array.Clear(_logits);
        _logits[next(_tokens)] = Height;
        _hasLogits = true;
    }
}

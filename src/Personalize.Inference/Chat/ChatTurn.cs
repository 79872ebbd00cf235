using Personalize.Inference.Generation;

namespace Personalize.Inference.Chat;

/// <summary>An answer under way. Used by one caller at a time.</summary>
internal sealed class ChatTurn : IDisposable
{
    private readonly TextGeneration _generation;
    private readonly Action<GenerationResult?> _complete;
    private IEnumerator<GeneratedToken>? _tokens;
    private bool _isFinished;

    /// <summary>Starts a text.</summary>
    /// <param name="generation">The text.</param>
    /// <param name="createdAt">When it was asked for.</param>
    /// <param name="complete">Called once at its end, also when it is left early or fails; with null when it never began.</param>
    public ChatTurn(TextGeneration generation, DateTimeOffset createdAt, Action<GenerationResult?> complete)
    {
        _generation = generation;
        _complete = complete;
        CreatedAt = createdAt;
    }

    /// <summary>Names the answer; only its being unique means anything.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>When it was asked for.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>The text that became certain last.</summary>
    public string Piece => _tokens?.Current.Text ?? "";

    /// <summary>Computes the next token on a thread of the pool: the caller's may be that of a user interface.</summary>
    public Task<bool> MoveNextAsync()
    {
        // Not cancelled from here: an iterator that never moved does not run its end either. The text looks at the token itself.
        _tokens ??= _generation.GetEnumerator();
        return Task.Run(_tokens.MoveNext, CancellationToken.None);
    }

    /// <summary>Ends the answer and hands everything back.</summary>
    public GenerationResult Finish()
    {
        Dispose();
        return _generation.Result;
    }

    public void Dispose()
    {
        if (_isFinished)
        {
            return;
        }

        _isFinished = true;
        _tokens?.Dispose();
        _complete(_tokens is null ? null : _generation.Result);
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Tokenization;
using Personalize.Inference.Speculation;

namespace Personalize.Inference.Generation;

/// <summary>Generates text with one session, token by token. Not thread-safe: one text at a time.</summary>
/// <remarks>The tokens that a new prompt shares with what the session holds are not computed again, so a conversation that grows costs only what was added.</remarks>
public sealed partial class TextGenerator
{
    private readonly IDecoderSession _session;
    private readonly ITokenizer _tokenizer;
    private readonly TimeProvider _time;
    private readonly List<int> _cached = [];
    private int _busy;

    /// <summary>Takes over a session: from here on only this generator feeds it.</summary>
    /// <param name="session">A session without tokens. The caller keeps the duty to free it.</param>
    /// <param name="tokenizer">Turns tokens into text and names the stop tokens.</param>
    /// <param name="time">Measures the rates, and what speculation costs.</param>
    /// <param name="drafter">Guesses tokens ahead; null computes one token after the other. Only this generator uses it.</param>
    /// <exception cref="ArgumentException">The session holds tokens.</exception>
    public TextGenerator(IDecoderSession session, ITokenizer tokenizer, TimeProvider time, IDrafter? drafter = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(time);
        if (session.Position != 0)
        {
            throw new ArgumentException($"the session holds {session.Position} tokens that this generator does not know", nameof(session));
        }

        _session = session;
        _tokenizer = tokenizer;
        _time = time;
        if (drafter is not null && session.MaxVerifyTokens > 1)
        {
            Speculator = new Speculator(this, drafter);
        }
    }

    /// <summary>Prepares a text; enumerating it computes it.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="cancellationToken">Looked at between tokens and between the chunks of the prefill.</param>
    /// <returns>The tokens as they come, and afterwards the result.</returns>
    /// <exception cref="ContextLengthException">The prompt has more tokens than the context.</exception>
    /// <exception cref="ArgumentException">A token of the prompt is not in the vocabulary.</exception>
    public TextGeneration Generate(GenerationRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Prompt.Count > _session.ContextLength)
        {
            throw new ContextLengthException(request.Prompt.Count, _session.ContextLength);
        }

        foreach (var token in request.Prompt)
        {
            if ((uint)token >= (uint)_session.VocabularySize)
            {
                throw new ArgumentException($"token {token} is not in the vocabulary of {_session.VocabularySize}", nameof(request));
            }
        }

        return new TextGeneration(this, request, cancellationToken);
    }

    internal IDecoderSession Session => _session;

    internal ITokenizer Tokenizer => _tokenizer;

    /// <summary>The tokens that the session holds.</summary>
    internal IReadOnlyList<int> CachedTokens => _cached;

    internal TimeProvider Time => _time;

    internal Speculator? Speculator { get; }

    internal void Begin()
    {
        if (Interlocked.Exchange(ref _busy, 1) != 0)
        {
            throw new InvalidOperationException("Another text of this generator is not finished.");
        }
    }

    internal void End()
    {
        // Whatever was cut off, the session knows how much of it was fed.
        _cached.RemoveRange(_session.Position, _cached.Count - _session.Position);
        Volatile.Write(ref _busy, 0);
    }

    /// <summary>Feeds the prompt but for what the session holds already.</summary>
    /// <returns>How many tokens were there.</returns>
    internal int Prefill(int[] prompt, CancellationToken cancellationToken)
    {
        var shared = ReusableFor(prompt);
        _session.TruncateTo(shared);
        _cached.RemoveRange(shared, _cached.Count - shared);
        _cached.AddRange(prompt.AsSpan(shared));
        cancellationToken.ThrowIfCancellationRequested();
        _session.Prefill(prompt.AsSpan(shared), cancellationToken);
        return shared;
    }

    internal void Decode(int token)
    {
        _cached.Add(token);
        _session.Decode(token);
    }

    internal void Verify(ReadOnlySpan<int> tokens)
    {
        _cached.AddRange(tokens);
        _session.Verify(tokens);
    }

    internal void TakeBack(int position)
    {
        _session.TruncateTo(position);
        _cached.RemoveRange(position, _cached.Count - position);
    }
}

using Personalize.Core.Errors;
using Personalize.Inference.Decoding;

namespace Personalize.Inference.Scoring;

/// <summary>Scores given tokens under a model: the loss that perplexity and evaluation are made of. Not thread-safe, as its session is not.</summary>
public static class SequenceScorer
{
    /// <summary>Scores the end of a sequence, each token after all tokens before it.</summary>
    /// <param name="session">Forgets what it holds.</param>
    /// <param name="ids">The sequence.</param>
    /// <param name="firstTarget">The first token to score, counted from 0; token 0 follows nothing and is never scored.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    /// <returns>The loss of tokens <c>max(1, firstTarget)</c> to the last.</returns>
    /// <exception cref="ContextLengthException">The sequence has more tokens than the context, not counting its last.</exception>
    /// <exception cref="NonFiniteLogitsException">A loss is not a number.</exception>
    public static SequenceScore Score(DecoderSession session, ReadOnlySpan<int> ids, int firstTarget, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentOutOfRangeException.ThrowIfNegative(firstTarget);
        var first = Math.Max(1, firstTarget);
        session.TruncateTo(0);
        if (ids.Length <= first)
        {
            return default;
        }

        // Nothing asks for the logits of what lies before the first scored token's predecessor, nor for those of the last token.
        if (first > 1)
        {
            session.Prefill(ids[..(first - 1)], cancellationToken);
        }

        return Continue(session, ids[(first - 1)..], cancellationToken);
    }

    /// <summary>Goes on with a stream piece by piece: feeds all tokens but the last, which begins the next piece, and scores all but the first.</summary>
    /// <param name="session">Keeps what it holds; the tokens follow it.</param>
    /// <param name="ids">The tokens.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    /// <returns>The loss of all tokens but the first; nothing for fewer than two tokens.</returns>
    /// <exception cref="ContextLengthException">More tokens than the session has room for.</exception>
    /// <exception cref="NonFiniteLogitsException">A loss is not a number.</exception>
    public static SequenceScore Continue(DecoderSession session, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(session);
        if (ids.Length < 2)
        {
            return default;
        }

        var targets = ids[1..].ToArray();
        double total = 0;
        session.Feed(ids[..^1], (index, logits) => total += LogSumExp.Compute(logits) - logits[targets[index]], onHiddenState: null, cancellationToken);
        return double.IsFinite(total) ? new SequenceScore(total, targets.Length) : throw new NonFiniteLogitsException(session.Position);
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Scoring;

namespace Personalize.Inference.Merging;

/// <summary>Judges models on the texts of a merge. Borrows everything it is given.</summary>
internal sealed class MergeEvaluator(DecoderModel model, AttachedAdapter adapter, WorkerPool pool, IReadOnlyList<MergeExample> texts, ArithmeticPrecision precision)
{
    private readonly int _longest = Math.Max(1, texts.Max(text => text.Ids.Length));

    /// <summary>The mean loss of a model, or of the base with the adapter.</summary>
    public SequenceScore Score(DecoderModel candidate, bool attached, CancellationToken cancellationToken)
    {
        using var session = Open(candidate, attached);
        var sum = default(SequenceScore);
        foreach (var text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            sum += SequenceScorer.Score(session, text.Ids, text.FirstTarget, cancellationToken);
        }

        return sum;
    }

    /// <summary>The loss of a model, and how far its predictions are from those of the base with the adapter attached: KL(attached || candidate).</summary>
    /// <exception cref="NonFiniteLogitsException">A divergence is not a number.</exception>
    public (double MeanNll, double MeanKl, double MaxKl) Compare(DecoderModel candidate, CancellationToken cancellationToken)
    {
        using var reference = Open(model, attached: true);
        using var session = Open(candidate, attached: false);
        var expected = new float[(long)texts.Max(text => text.ScoredCount) * model.Description.VocabularySize];
        var (nll, total, largest, positions) = (0d, 0d, 0d, 0);
        foreach (var text in texts.Where(text => text.ScoredCount > 0))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var size = model.Description.VocabularySize;
            var ids = text.Ids;
            var first = text.FirstScored;
            Feed(reference, text, (index, logits) => logits.CopyTo(expected.AsSpan(index * size, size)), cancellationToken);
            Feed(
                session,
                text,
                (index, logits) =>
                {
                    var divergence = Divergence(expected.AsSpan(index * size, size), logits, out var normalizer);
                    total += divergence;
                    largest = Math.Max(largest, divergence);
                    nll += normalizer - logits[ids[first + index]];
                },
                cancellationToken);
            positions += text.ScoredCount;
            if (!double.IsFinite(total))
            {
                throw new NonFiniteLogitsException(ids.Length - 1);
            }
        }

        return (nll / positions, total / positions, largest);
    }

    private static void Feed(DecoderSession session, MergeExample text, LogitsConsumer onLogits, CancellationToken cancellationToken)
    {
        session.TruncateTo(0);
        var ids = text.Ids.AsSpan();
        if (text.FirstScored > 1)
        {
            session.Prefill(ids[..(text.FirstScored - 1)], cancellationToken);
        }

        session.Feed(ids[(text.FirstScored - 1)..^1], onLogits, onHiddenState: null, cancellationToken);
    }

    /// <summary><c>sum p (ln p - ln q)</c> of two rows of logits.</summary>
    private static double Divergence(ReadOnlySpan<float> p, ReadOnlySpan<float> q, out double normalizer)
    {
        var other = LogSumExp.Compute(p);
        normalizer = LogSumExp.Compute(q);
        var sum = 0d;
        for (var i = 0; i < p.Length; i++)
        {
            var logP = p[i] - other;

            // What is left out adds less than 1e-11 a token.
            if (logP > -40)
            {
                sum += Math.Exp(logP) * (logP - (q[i] - normalizer));
            }
        }

        return Math.Max(0, sum);
    }

    private DecoderSession Open(DecoderModel candidate, bool attached) =>
        new(candidate, pool, new DecoderSessionOptions { ContextLength = _longest, Precision = precision }, attached ? adapter : null);
}

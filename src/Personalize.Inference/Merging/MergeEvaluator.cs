using System.Runtime.InteropServices;
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

    /// <summary>The mean loss of a model alone.</summary>
    public SequenceScore Score(DecoderModel candidate, CancellationToken cancellationToken)
    {
        using var session = Open(candidate, attached: false);
        var sum = default(SequenceScore);
        foreach (var text in texts)
        {
            cancellationToken.ThrowIfCancellationRequested();
            sum += SequenceScorer.Score(session, text.Ids, text.FirstTarget, cancellationToken);
        }

        return sum;
    }

    /// <summary>The losses of a model and of the base with the adapter attached, and how far the model's predictions are from the latter's: KL(attached || candidate).</summary>
    /// <exception cref="NonFiniteLogitsException">A divergence is not a number.</exception>
    public Comparison Compare(DecoderModel candidate, CancellationToken cancellationToken)
    {
        using var reference = Open(model, attached: true);
        using var session = Open(candidate, attached: false);
        var expected = new float[(long)texts.Max(text => text.ScoredCount) * model.Description.VocabularySize];
        var (attachedNll, nll, total, largest, positions) = (0d, 0d, 0d, 0d, 0);
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
                    var row = expected.AsSpan(index * size, size);
                    var expectedNormalizer = LogSumExp.Compute(row);
                    var normalizer = LogSumExp.Compute(logits);
                    var divergence = LogitDivergence.Compute(row, expectedNormalizer, logits, normalizer);
                    total += divergence;
                    largest = Math.Max(largest, divergence);
                    attachedNll += expectedNormalizer - row[ids[first + index]];
                    nll += normalizer - logits[ids[first + index]];
                },
                cancellationToken);
            positions += text.ScoredCount;
            if (!double.IsFinite(total))
            {
                throw new NonFiniteLogitsException(ids.Length - 1);
            }
        }

        return new Comparison(attachedNll / positions, nll / positions, total / positions, largest);
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

    private DecoderSession Open(DecoderModel candidate, bool attached) =>
        new(candidate, pool, new DecoderSessionOptions { ContextLength = _longest, Precision = precision }, attached ? adapter : null);

    /// <summary>Two predictors of the same tokens.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal readonly record struct Comparison(double AttachedNll, double Nll, double MeanKl, double MaxKl);
}

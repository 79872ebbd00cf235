using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;

namespace Personalize.Inference.Merging;

/// <summary>
/// Merges an adapter into the weights of its base, <c>W' = Q(W + scale * B A)</c> and the adapter's biases in place of the base's, tensor by tensor: into the engine's packed weights, where dropping the result undoes it, and into a new model file.
/// </summary>
/// <remarks>
/// A LoRA update is often smaller than half the step of a 4-bit weight, so plain rounding erases most of it. <see cref="Choose"/> therefore rounds with a search of each block's scale and offset and with error feedback,
/// measures on a text what is kept, and stores the tensors that lose most in wider types until enough is kept, then those whose inputs lose most in engines that round activations to 8 bits. Values of one tensor at a time stand in memory unquantized.
/// Borrows model and pool, which must outlive it. Not thread-safe.
/// </remarks>
public sealed unsafe class AdapterMerge : IDisposable
{
    private readonly DecoderModel _model;
    private readonly LoraAdapter _adapter;
    private readonly WorkerPool _pool;
    private readonly MergeOptions _options;
    private readonly AttachedAdapter _attached;
    private readonly MergeCandidate[] _candidates;

    /// <summary>Prepares a merge; nothing is computed yet.</summary>
    /// <param name="model">The base.</param>
    /// <param name="adapter">An adapter of that base.</param>
    /// <param name="pool">The threads.</param>
    /// <param name="options">What must be kept and what it may cost; null stands for the defaults.</param>
    /// <exception cref="AdapterMismatchException">The adapter belongs to another base.</exception>
    /// <exception cref="TensorShapeException">A pair does not fit the model's map.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public AdapterMerge(DecoderModel model, LoraAdapter adapter, WorkerPool pool, MergeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(pool);
        _options = options ?? new MergeOptions();
        MergeOptions.Validate(_options);
        _model = model;
        _adapter = adapter;
        _pool = pool;
        _attached = new AttachedAdapter(adapter, model, pool);
        _candidates = [.. adapter.Pairs.Select(pair => new MergeCandidate(model, pair, adapter.Configuration.GetScale(pair.Layer, pair.Module)))];
    }

    /// <summary>What happens to each adapted tensor as things stand: before <see cref="Choose"/> the next wider type for what is quantized, and no figures of error.</summary>
    public IReadOnlyList<MergedTensor> Tensors => [.. _candidates.Select(candidate => candidate.Describe())];

    /// <summary>Decides the type of every adapted tensor.</summary>
    /// <param name="calibration">
    /// Texts like those that the adapter was trained on, for error feedback and for what 8-bit activations cost; may be empty, then 4-bit rounding minimizes the plain squared error and the judging text tells that cost.
    /// </param>
    /// <param name="judging">Later texts, on which the gain is measured; at least one token must count.</param>
    /// <param name="progress">Told after each step, or null.</param>
    /// <param name="cancellationToken">Looked at between texts and layers.</param>
    /// <returns>What was chosen and what it keeps, measured.</returns>
    /// <exception cref="ArgumentException">No token of the judging text counts.</exception>
    /// <exception cref="ContextLengthException">A text has more tokens than the model was trained for.</exception>
    /// <exception cref="NonFiniteLogitsException">The model, the adapter or their sum holds values that are not numbers.</exception>
    /// <exception cref="OperationCanceledException">The choice was cancelled; the types are those that were tried last.</exception>
    public MergeReport Choose(IReadOnlyList<MergeExample> calibration, IReadOnlyList<MergeExample> judging, IProgress<MergeProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(calibration);
        ArgumentNullException.ThrowIfNull(judging);
        if (!judging.Any(text => text.ScoredCount > 0))
        {
            throw new ArgumentException("no token of the judging text counts", nameof(judging));
        }

        foreach (var text in judging.Concat(calibration).Where(text => text.Ids.Length > _model.Description.ContextLength))
        {
            throw new ContextLengthException(text.Ids.Length, _model.Description.ContextLength);
        }

        // The base's loss, the rounding, the evaluations, of which the first is the narrowest choice, and then each map's loss in eight bits, which takes about as long as all that came before.
        var (step, steps, kept) = (0, 2 * (_options.MostEvaluations + 3), (double?)null);
        void Report() => progress?.Report(new MergeProgress(Math.Min(1, ++step / (double)steps), kept));

        var evaluator = new MergeEvaluator(_model, _attached, _pool, judging, _options.Precision);
        var baseScore = evaluator.Score(_model, cancellationToken);
        Report();
        Prepare(calibration, cancellationToken);
        Report();
        var order = PromotionSearch.Order(_candidates);
        Promote(order, promotions: 0);
        var narrow = Compare(evaluator, cancellationToken);
        var gain = baseScore.MeanNll - narrow.AttachedNll;
        var change = gain > 0 ? 0 : evaluator.Compare(_model, cancellationToken).MeanKl;
        double Share(MergeEvaluator.Comparison comparison) =>
            gain > 0 ? (baseScore.MeanNll - comparison.Nll) / gain : change > 0 ? 1 - (comparison.MeanKl / change) : 1;

        double KeptBy(int promotions)
        {
            if (promotions == 0 || !(gain > 0))
            {
                Promote(order, promotions);
                kept = Share(promotions == 0 ? narrow : Compare(evaluator, cancellationToken));
            }
            else
            {
                Promote(order, promotions);
                using var merged = CreateModel();
                kept = (baseScore.MeanNll - evaluator.Score(merged, cancellationToken).MeanNll) / gain;
            }

            Report();
            return kept.Value;
        }

        var found = PromotionSearch.Find(order.Count, _options.GainToKeep, _options.MostEvaluations, KeptBy);
        Promote(order, found);
        step = steps / 2;
        var maps = 0;
        void ReportMap()
        {
            if (++maps % Math.Max(1, 2 * _candidates.Length / steps) == 0)
            {
                Report();
            }
        }

        var roundingTexts = calibration.Any(text => text.Ids.Length > 0) ? calibration : judging;
        var (narrowEightBitKl, eightBitKl) = EightBitWidening.Run(_candidates, CreateModel, _pool, roundingTexts, _options, ReportMap, cancellationToken);
        var final = _candidates.All(candidate => candidate.Rung == 0) ? narrow : Compare(evaluator, cancellationToken);
        kept = Share(final);
        step = steps;
        Report();
        return new MergeReport
        {
            Tensors = Tensors,
            Tokens = baseScore.Tokens,
            BaseNll = baseScore.MeanNll,
            AdapterNll = narrow.AttachedNll,
            MergedNll = final.Nll,
            MeanKl = final.MeanKl,
            MaxKl = final.MaxKl,
            GainKept = kept.Value,
            NarrowGainKept = Share(narrow),
            EightBitKl = eightBitKl,
            NarrowEightBitKl = narrowEightBitKl,
        };
    }

    /// <summary>The base with the adapter merged into it as things stand, in the engine's packed form: only the adapted matrices and trained biases are new, everything else is shared with the base, which stays what it is.</summary>
    /// <returns>A model for sessions; disposing it undoes the merge. Must not outlive the base.</returns>
    /// <exception cref="AdapterFormatException">A merged value is outside what its type can hold.</exception>
    public DecoderModel CreateModel()
    {
        var matrices = new Dictionary<(int, LinearModule), PackedMatrix>();
        try
        {
            foreach (var candidate in _candidates)
            {
                matrices.Add((candidate.Layer, candidate.Module), candidate.Pack(_pool));
            }

            return _model.WithMatrices(matrices, _adapter.Pairs.Where(pair => pair.Bias is not null).ToDictionary(pair => (pair.Layer, pair.Module), pair => pair.Bias!));
        }
        catch
        {
            foreach (var matrix in matrices.Values)
            {
                matrix.Dispose();
            }

            throw;
        }
    }

    /// <summary>Writes the base with the adapter merged into it as things stand, as a model file of its own: whole or not at all, readable by its owner only. All that is not adapted is copied byte for byte.</summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <param name="adapterId">What the file says was merged (<c>personalize.merged_adapter</c>).</param>
    /// <param name="overwrite">Replace a file that is there.</param>
    /// <returns>The size of the file in bytes.</returns>
    /// <exception cref="AdapterFormatException">The place is taken or cannot be written, or a merged value is outside what its type can hold.</exception>
    /// <exception cref="ModelFormatException">The base's file is gone or damaged.</exception>
    /// <exception cref="AdapterMismatchException">The base's file is no longer what was loaded.</exception>
    public long WriteGguf(string path, string adapterId, bool overwrite = false) =>
        MergedGgufFile.Write(path, _model, _adapter, adapterId, _candidates.ToDictionary(candidate => candidate.Name, StringComparer.Ordinal), _pool, overwrite);

    /// <inheritdoc/>
    public void Dispose() => _attached.Dispose();

    private static void Promote(IReadOnlyList<MergeCandidate> order, int promotions)
    {
        foreach (var candidate in order)
        {
            candidate.Rung = 0;
        }

        foreach (var candidate in order.Take(promotions))
        {
            candidate.Rung++;
        }
    }

    private MergeEvaluator.Comparison Compare(MergeEvaluator evaluator, CancellationToken cancellationToken)
    {
        using var merged = CreateModel();
        return evaluator.Compare(merged, cancellationToken);
    }

    private void Prepare(IReadOnlyList<MergeExample> calibration, CancellationToken cancellationToken)
    {
        var texts = TakeTokens(calibration, _options.MostCalibrationTokens);
        var layerBytes = InputStatistics.BytesPerLayer(_model, _options.LargestFeedbackInput);
        var layersPerPass = texts.Count == 0 || layerBytes == 0 ? _model.Description.LayerCount : (int)Math.Clamp(_options.StatisticsBytes / layerBytes, 1, _model.Description.LayerCount);
        for (var first = 0; first < _model.Description.LayerCount; first += layersPerPass)
        {
            var end = Math.Min(first + layersPerPass, _model.Description.LayerCount);
            using var statistics = texts.Count == 0 ? null : new InputStatistics(_model, _attached, _pool, texts, _options, first..end, cancellationToken);
            foreach (var group in _candidates.Where(c => c.Layer >= first && c.Layer < end).GroupBy(c => (c.Layer, InputStatistics.GroupOf(c.Module))))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var h = statistics?.Of(group.Key.Layer, group.Key.Item2);
                using var factor = Factor(h, group);
                foreach (var candidate in group)
                {
                    candidate.Prepare(_pool, h is null ? null : h.Pointer, factor is null ? null : factor.Pointer);
                }
            }
        }
    }

    private static NativeBuffer<float>? Factor(NativeBuffer<float>? h, IEnumerable<MergeCandidate> candidates)
    {
        if (h is null || !candidates.Any(candidate => TypeLadder.HasSixteenLevels(candidate.Types[0])))
        {
            return null;
        }

        var factor = new NativeBuffer<float>(h.Length);
        InverseFactor.Compute(h.Span, (int)Math.Sqrt(h.Length), factor.Span);
        return factor;
    }

    private static List<MergeExample> TakeTokens(IReadOnlyList<MergeExample> texts, int most)
    {
        var taken = new List<MergeExample>();
        foreach (var text in texts.Where(text => text.Ids.Length > 0))
        {
            if (text.Ids.Length > most)
            {
                break;
            }

            most -= text.Ids.Length;
            taken.Add(text);
        }

        return taken;
    }
}

using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>
/// Watches the adapter in use: the person's interactions since it was made are compared with and without it, for people change and adapters do not. Borrows model, format and pool, which must outlive it. Not thread-safe.
/// </summary>
/// <param name="model">The frozen model.</param>
/// <param name="format">The model's tokenizer and chat template.</param>
/// <param name="pool">The threads that work.</param>
/// <param name="options">How many interactions it takes; null for the defaults.</param>
public sealed class AdapterWatch(DecoderModel model, ChatFormat format, WorkerPool pool, WatchOptions? options = null)
{
    private readonly WatchOptions _options = options ?? new WatchOptions();

    /// <summary>The interactions that were recorded since an adapter was made.</summary>
    /// <param name="journal">The profile's journal, which knows what the adapter has seen.</param>
    /// <param name="record">The adapter.</param>
    /// <param name="interactions">What the store holds, in time order.</param>
    /// <returns>Those with larger ids, in the same order; of an adapter that was imported, all.</returns>
    /// <exception cref="StoreIntegrityException">A log was changed.</exception>
    public static IReadOnlyList<Interaction> Since(JobJournal journal, AdapterRecord record, IReadOnlyList<Interaction> interactions)
    {
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(record);
        var since = journal.NewestSeenBy(record.Id) ?? record.Provenance.TrainedOn?.LastId ?? 0;
        return [.. interactions.Where(interaction => interaction.Id > since)];
    }

    /// <summary>Compares an adapter with the base.</summary>
    /// <param name="adapterId">The adapter's id.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="later">What <see cref="Since"/> returned; the newest of it are used.</param>
    /// <param name="cancellationToken">Looked at before every layer.</param>
    /// <returns>The losses; null where there are too few interactions, or the adapter belongs to another base.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public WatchReport? Compare(string adapterId, LoraAdapter adapter, IReadOnlyList<Interaction> later, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(later);
        if (later.Count < _options.MinimumInteractions || !string.Equals(adapter.BaseFingerprint, model.Fingerprint, StringComparison.Ordinal))
        {
            return null;
        }

        var maximum = Math.Min(new LoraRecipe().MaximumTokens, model.Description.ContextLength);
        List<TrainingExample> examples =
        [
            .. later.Skip(later.Count - Math.Min(later.Count, _options.MaximumInteractions)).Select(interaction =>
            {
                var example = format.EncodeExample(interaction.Context, interaction.Text);
                return new TrainingExample(example.Ids, example.PromptLength).Truncate(maximum);
            }),
        ];
        var evaluator = new AdapterEvaluator(model.Description, model.Weights, pool);
        var baseResult = evaluator.Evaluate(examples, adapter: null, cancellationToken);
        var adapterResult = evaluator.Evaluate(examples, adapter, cancellationToken);
        var interval = double.IsFinite(baseResult.TotalNll) && double.IsFinite(adapterResult.TotalNll) ? PairedBootstrap.Compare(baseResult, adapterResult, _options.Seed) : null;
        return new WatchReport(adapterId, examples.Count, baseResult.MeanNll, adapterResult.MeanNll, interval);
    }
}

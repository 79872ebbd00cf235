using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Tokenization;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Memory;
using Personalize.Training.Privacy;

namespace Personalize.Training.Jobs;

/// <summary>
/// One night's work: interactions in time order are divided, the earlier ones train an adapter, the later ones decide at the gate whether it may be used.
/// Done in one go, or planned in a profile's journal, where it can be interrupted and resumed. Borrows model, format and pool, which must outlive it. Not thread-safe.
/// </summary>
public sealed partial class PersonalizationJob
{
    private readonly DecoderModel _model;
    private readonly ChatFormat _format;
    private readonly WorkerPool _pool;
    private readonly LoraRecipe _recipe;
    private readonly TrainingMemory? _memory;
    private readonly TimeProvider _time;
    private readonly JobOptions _options;

    /// <summary>Prepares a job.</summary>
    /// <param name="model">The frozen model.</param>
    /// <param name="format">The model's tokenizer and chat template.</param>
    /// <param name="pool">The threads that work.</param>
    /// <param name="recipe">What decides the adapter.</param>
    /// <param name="memory">How much memory may be used; null stands for the defaults.</param>
    /// <param name="time">The clock of the figures; null stands for the system's.</param>
    /// <param name="options">What is used of a store, and what the gate asks; null stands for the protocol.</param>
    /// <exception cref="ArgumentException">An option of the gate is out of range.</exception>
    public PersonalizationJob(
        DecoderModel model, ChatFormat format, WorkerPool pool, LoraRecipe recipe, TrainingMemory? memory = null, TimeProvider? time = null, JobOptions? options = null)
    {
        _options = options ?? new JobOptions();
        _options.Gate.Validate();
        _model = model;
        _format = format;
        _pool = pool;
        _recipe = recipe;
        _memory = memory;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>What <see cref="Run(IReadOnlyList{Interaction}, LoraAdapter?, IProgress{TrainingProgress}?, CancellationToken)"/> over so many interactions will reveal of each one it trains on, to be entered in a <see cref="PrivacyLedger"/> before it runs.</summary>
    /// <param name="interactions">How many interactions there are.</param>
    /// <returns>The sampling, noise and steps; null if the recipe asks for no guarantee.</returns>
    /// <exception cref="Core.Errors.InsufficientDataException">Too few interactions to train on some and test on others.</exception>
    /// <exception cref="Core.Errors.PrivacyParameterException">No noise is enough for the recipe's epsilon.</exception>
    public SubsampledGaussian? PlanPrivacy(int interactions) =>
        CreateTrainer().PlanPrivacy(ChronologicalSplit.Protocol(interactions).TrainCount + _options.Gate.Canaries);

    /// <summary>Trains, evaluates and decides; keeps nothing.</summary>
    /// <param name="interactions">What the person wrote, in time order; of more than <see cref="ChronologicalSplit.ProtocolCount"/> the first ones are used.</param>
    /// <param name="incumbent">The adapter in use, or null.</param>
    /// <param name="progress">Told after every step of training.</param>
    /// <param name="cancellationToken">Looked at before every layer; a cancelled job leaves nothing behind.</param>
    /// <returns>The adapter with all figures.</returns>
    /// <exception cref="InsufficientDataException">Too few interactions to train on some and test on others.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small for the longest example.</exception>
    /// <exception cref="OperationCanceledException">The job was cancelled.</exception>
    public PersonalizationResult Run(
        IReadOnlyList<Interaction> interactions, LoraAdapter? incumbent = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var (kept, sources) = Choose(interactions);
        var split = ChronologicalSplit.Protocol(kept.Count);
        var trainedOn = kept.Take(split.TrainCount).ToArray();
        var test = Encode(kept.Skip(split.TestStart).Take(split.TestCount));
        var canaries = new CanaryPlan(AdapterRegistry.NewId(), _options.Gate.Canaries);
        var training = CreateTrainer().Run(canaries.PlantAmong(Encode(trainedOn), canary => Encode([canary])[0]), _model.Fingerprint, progress, cancellationToken);
        return new PersonalizationResult(training, Judge(test, training.Adapter, incumbent, canaries, cancellationToken), split, trainedOn) { Sources = sources };
    }

    /// <summary>Keeps the adapter in the person's registry, in use if the gate let it through, else as rejected with its figures.</summary>
    /// <param name="registry">The profile's adapters.</param>
    /// <param name="result">What <see cref="Run(IReadOnlyList{Interaction}, LoraAdapter?, IProgress{TrainingProgress}?, CancellationToken)"/> returned.</param>
    /// <param name="recipeName">What to call the recipe.</param>
    /// <returns>The adapter's record.</returns>
    public static AdapterRecord Keep(AdapterRegistry registry, PersonalizationResult result, string recipeName)
    {
        var record = registry.Add(result.Training.Adapter, Describe(result, recipeName), rejected: !result.Gate.IsPromoted);
        return result.Gate.IsPromoted ? registry.Promote(record.Id) : record;
    }

    /// <summary>Interactions as the model reads them: context as the user's turn, text as the assistant's, cut to the recipe's length.</summary>
    /// <param name="interactions">The interactions.</param>
    /// <returns>One example each.</returns>
    public IReadOnlyList<TrainingExample> Encode(IEnumerable<Interaction> interactions) =>
        [.. interactions.Select(interaction =>
        {
            var example = _format.EncodeExample(interaction.Context, interaction.Text);
            return new TrainingExample(example.Ids, example.PromptLength).Truncate(_recipe.MaximumTokens);
        })];

    private static AdapterProvenance Describe(PersonalizationResult result, string recipeName) => new()
    {
        TestNllBase = result.Gate.BaseNll,
        TestNllAdapter = result.Gate.AdapterNll,
        TestNllIncumbent = result.Gate.IncumbentNll,
        TrainedOn = new AdapterTrainingRange(result.TrainedOn.Count, result.TrainedOn.Min(i => i.Id), result.TrainedOn.Max(i => i.Id)),
        Steps = result.Training.Steps,
        TrainTokens = result.Training.TrainTokens,
        Recipe = recipeName,
    };

    private LoraTrainer CreateTrainer() => new(_model.Description, _model.Weights, _pool, _recipe, _memory, _time);

    /// <summary>What is used of a store: what the sources' limits leave, and of that the newest if they are asked for.</summary>
    private (IReadOnlyList<Interaction> Kept, SourceFilterResult? Sources) Choose(IReadOnlyList<Interaction> interactions)
    {
        var sources = _options.Sources is { } limits ? SourceFilter.Apply(interactions, limits) : null;
        var kept = sources?.Kept ?? interactions;
        if (kept.Count < ChronologicalSplit.MinimumCount && kept.Count < interactions.Count)
        {
            throw new InsufficientDataException(kept.Count, ChronologicalSplit.MinimumCount, interactions.Count - kept.Count);
        }

        return (_options.UseNewest && kept.Count > ChronologicalSplit.ProtocolCount ? [.. kept.Skip(kept.Count - ChronologicalSplit.ProtocolCount)] : kept, sources);
    }

    private GateDecision Judge(IReadOnlyList<TrainingExample> test, LoraAdapter adapter, LoraAdapter? incumbent, CanaryPlan canaries, CancellationToken cancellationToken)
    {
        var evaluator = new AdapterEvaluator(_model.Description, _model.Weights, _pool);
        var baseResult = evaluator.Evaluate(test, adapter: null, cancellationToken);
        var incumbentResult = incumbent is not null && string.Equals(incumbent.BaseFingerprint, _model.Fingerprint, StringComparison.Ordinal)
            ? evaluator.Evaluate(test, incumbent, cancellationToken)
            : null;
        var adapterResult = evaluator.Evaluate(test, adapter, cancellationToken);
        return Gate.Decide(baseResult, adapterResult, incumbentResult, _options.Gate, Generally(evaluator, adapter, cancellationToken), LookForSecrets(evaluator, adapter, canaries, cancellationToken));
    }

    private GeneralChange? Generally(AdapterEvaluator evaluator, LoraAdapter adapter, CancellationToken cancellationToken) =>
        double.IsPositiveInfinity(_options.Gate.MaximumGeneralFall) ? null : GeneralAbility.Compare(evaluator, _format.Tokenizer, adapter, _options.Gate, cancellationToken);

    private CanaryCheck? LookForSecrets(AdapterEvaluator evaluator, LoraAdapter adapter, CanaryPlan canaries, CancellationToken cancellationToken)
    {
        var (before, after) = (0d, 0d);
        foreach (var canary in canaries.All)
        {
            var candidates = Encode(canary.Candidates.Select(text => CanaryPlan.Write(canary.Context, text)));
            double Bits(LoraAdapter? with)
            {
                double[] losses = [.. evaluator.Evaluate(candidates, with, cancellationToken).Examples.Select(example => example.Nll)];
                return CanaryExposure.Bits(losses[0], losses[1..]);
            }

            (before, after) = (Math.Max(before, Bits(null)), Math.Max(after, Bits(adapter)));
        }

        return canaries.Count == 0 ? null : new CanaryCheck(before, after, canaries.Count);
    }
}

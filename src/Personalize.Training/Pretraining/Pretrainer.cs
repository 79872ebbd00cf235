using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;
using Personalize.Training.Checkpoints;
using Personalize.Training.Data;
using Personalize.Training.Evaluation;
using Personalize.Training.Memory;
using Personalize.Training.Weights;

namespace Personalize.Training.Pretraining;

/// <summary>Trains a small model from nothing: tokenizer, then every weight, on dialogues in the form they are served in.</summary>
/// <remarks>
/// The model depends on recipe and dialogues alone, bit for bit: not on threads, memory, time or how often the run was interrupted. Borrows the pool. Not thread-safe.
/// </remarks>
public sealed class Pretrainer
{
    /// <summary>Activations stay in the caches' reach, and a step of any size fits.</summary>
    private static readonly TrainingMemory DefaultMemory = new() { BudgetBytes = 640L << 20, Activations = ActivationPolicy.Keep };

    private readonly PretrainingRecipe _recipe;
    private readonly WorkerPool _pool;
    private readonly TrainingMemory _memory;
    private readonly TimeProvider _time;

    /// <summary>Checks the recipe.</summary>
    /// <param name="recipe">What decides the model.</param>
    /// <param name="pool">The threads that work.</param>
    /// <param name="memory">How much memory may be used; null stands for 640 MiB.</param>
    /// <param name="time">The clock of the figures; null stands for the system's.</param>
    /// <exception cref="RecipeException">A setting is out of range.</exception>
    public Pretrainer(PretrainingRecipe recipe, WorkerPool pool, TrainingMemory? memory = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(pool);
        recipe.Validate();
        _recipe = recipe;
        _pool = pool;
        _memory = memory ?? DefaultMemory;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Trains, or goes on from the latest checkpoint.</summary>
    /// <param name="corpus">The dialogues of the recipe's files.</param>
    /// <param name="checkpoints">Where the state is kept, and how often; null keeps none.</param>
    /// <param name="progress">Told after every step of this session.</param>
    /// <param name="measured">Told after every measurement of this session.</param>
    /// <param name="cancellationToken">Looked at before every layer; the state after the last whole step is then kept.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="RecipeException">The text is too small for the vocabulary.</exception>
    /// <exception cref="InsufficientDataException">Nothing is left to train on or to judge by.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small.</exception>
    /// <exception cref="TrainingDivergedException">A loss or a gradient is not finite, or the loss has risen far above its start; the last checkpoint stays.</exception>
    /// <exception cref="CheckpointMismatchException">The latest checkpoint is of another recipe or other dialogues.</exception>
    /// <exception cref="StoreIntegrityException">The latest checkpoint was cut or changed.</exception>
    /// <exception cref="ProfileVersionException">The latest checkpoint is of a newer version.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public PretrainingResult Run(
        PretrainingCorpus corpus, CheckpointOptions? checkpoints = null, IProgress<TrainingProgress>? progress = null, IProgress<CurvePoint>? measured = null, CancellationToken cancellationToken = default)
    {
        using var session = Open(corpus, checkpoints);
        var run = session.Run;
        var curve = new List<CurvePoint>();
        try
        {
            while (!run.IsOver)
            {
                run.Advance(cancellationToken);
                var state = run.State;
                progress?.Report(new TrainingProgress(state.Step - 1, run.StepCount, state.Losses[^1], state.GradientNorms[^1], run.LastRate, state.Tokens, session.Elapsed));
                if (state.Step % _recipe.MeasureInterval == 0 || run.IsOver)
                {
                    curve.Add(Measure(session, cancellationToken));
                    measured?.Report(curve[^1]);
                }

                session.Checkpoints?.AfterStep(() => session.Elapsed);
            }
        }
        catch (OperationCanceledException)
        {
            session.Checkpoints?.Save(session.Elapsed);
            throw;
        }

        return Finish(session, curve);
    }

    /// <summary>The model as the latest checkpoint left it, or as it starts where there is none; trains nothing and leaves the checkpoints as they are.</summary>
    /// <param name="corpus">The dialogues of the recipe's files.</param>
    /// <param name="checkpoints">Where the state was kept.</param>
    /// <param name="cancellationToken">Looked at before every layer of the measurement.</param>
    /// <returns>The model, measured once; the caller disposes it.</returns>
    /// <exception cref="RecipeException">The text is too small for the vocabulary.</exception>
    /// <exception cref="InsufficientDataException">Nothing is left to train on or to judge by.</exception>
    /// <exception cref="MemoryBudgetException">The budget is too small.</exception>
    /// <exception cref="CheckpointMismatchException">The latest checkpoint is of another recipe or other dialogues.</exception>
    /// <exception cref="StoreIntegrityException">The latest checkpoint was cut or changed.</exception>
    /// <exception cref="ProfileVersionException">The latest checkpoint is of a newer version.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public PretrainingResult Snapshot(PretrainingCorpus corpus, CheckpointOptions checkpoints, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(checkpoints);
        using var session = Open(corpus, checkpoints);
        return Finish(session, [Measure(session, cancellationToken)]);
    }

    private Session Open(PretrainingCorpus corpus, CheckpointOptions? checkpoints)
    {
        ArgumentNullException.ThrowIfNull(corpus);
        var filter = new DialogueFilter(_recipe.LeaveOut);
        var kept = corpus.Train.Where(dialogue => !filter.Matches(dialogue)).ToList();
        var train = Spread(kept, _recipe.Dialogues);
        var dev = Spread(corpus.Dev.Where(dialogue => !filter.Matches(dialogue)).ToList(), _recipe.MeasureDialogues);
        if (train.Count == 0 || dev.Count == 0)
        {
            throw new InsufficientDataException(Math.Min(train.Count, dev.Count), 1);
        }

        // The tokenizer sees all that may be trained on, so that recipes compared on a part have one tokenizer.
        var tokenizer = DialogueFormat.TrainTokenizer(kept, _recipe.VocabularySize, _recipe.PreTokenizer);
        var format = DialogueFormat.Create(tokenizer, _time);
        var description = _recipe.Shape.Describe(_recipe.VocabularySize);
        var longest = Math.Min(_recipe.Training.MaximumTokens, description.ContextLength);
        var examples = DialogueExamples.Create(train, format, longest);
        var run = new WeightRun(description, _pool, _recipe.Training, _memory, examples, start: null);
        try
        {
            var keeper = checkpoints is null ? null : new WeightCheckpoints(checkpoints, Identity(tokenizer.Merges), run, _time);
            keeper?.Restore();
            return new Session(run, keeper, _time)
            {
                Tokenizer = tokenizer,
                Dev = DialogueExamples.Create(dev, format, longest).ConvertAll(example => example.Truncate(longest)),
                DevBytes = dev.Sum(dialogue => dialogue.Sum(turn => (long)Encoding.UTF8.GetByteCount(turn.Content))),
                Dialogues = train.Count,
                LeftOut = corpus.Train.Count - kept.Count,
                EpochTokens = examples.Sum(example => (long)Math.Min(example.Length, longest)),
            };
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    private PretrainingResult Finish(Session session, IReadOnlyList<CurvePoint> curve) => new(_recipe, session.Run.Description, session.Run.Weights.Take(), session.Tokenizer)
    {
        ParameterCount = session.Run.Weights.Layout.Length,
        Dialogues = session.Dialogues,
        LeftOut = session.LeftOut,
        EpochTokens = session.EpochTokens,
        Curve = curve,
        Steps = session.Run.State.Step,
        TrainTokens = session.Run.State.Tokens,
        Elapsed = session.Elapsed,
    };

    private CurvePoint Measure(Session session, CancellationToken cancellationToken)
    {
        var run = session.Run;
        var result = new AdapterEvaluator(run.Description, run.Weights.Weights, _pool).Evaluate(session.Dev, adapter: null, cancellationToken);
        var recent = run.State.Losses.TakeLast(Math.Min(_recipe.MeasureInterval, run.State.Step)).DefaultIfEmpty(double.NaN).Average();
        return new CurvePoint(run.State.Step, run.State.Tokens, recent, result.MeanNll, result.TotalNll / Math.Log(2) / session.DevBytes, run.State.Step > 0 ? run.LastRate : 0, session.Elapsed);
    }

    /// <summary>What decides the weights besides the examples. A recipe's measurements and the types it is stored in do not.</summary>
    private string Identity(IReadOnlyList<string> merges)
    {
        var t = _recipe.Training;
        var vocabulary = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', merges))));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{_recipe.Shape} vocabulary {_recipe.VocabularySize} {vocabulary} step {t.ExamplesPerStep} {t.MaximumTokens} clip {t.MaximumGradientNorm:R} decay {t.WeightDecay:R} {t.Optimizer} {t.Momentum:R} adam {t.Beta1:R} {t.Beta2:R} {t.Epsilon:R} shuffle {t.Shuffle} seed {t.Seed}");
    }

    private static List<IReadOnlyList<PromptMessage>> Spread(List<IReadOnlyList<PromptMessage>> dialogues, int count) =>
        count == 0 || count >= dialogues.Count ? dialogues : [.. Enumerable.Range(0, count).Select(i => dialogues[(int)((long)i * dialogues.Count / count)])];

    /// <summary>A run with what it needs around it.</summary>
    private sealed class Session(WeightRun run, WeightCheckpoints? checkpoints, TimeProvider time) : IDisposable
    {
        private readonly long _began = time.GetTimestamp();

        public WeightRun Run => run;

        public WeightCheckpoints? Checkpoints => checkpoints;

        public required TokenizerDefinition Tokenizer { get; init; }

        public required List<TrainingExample> Dev { get; init; }

        public required long DevBytes { get; init; }

        public required int Dialogues { get; init; }

        public required int LeftOut { get; init; }

        public required long EpochTokens { get; init; }

        public TimeSpan Elapsed => run.State.ElapsedBefore + time.GetElapsedTime(_began);

        public void Dispose() => run.Dispose();
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Optimizers;
using Personalize.Training.Privacy;
using Personalize.Training.Steps;

namespace Personalize.Training.Memory;

/// <summary>What a job will allocate, known before it allocates anything. Immutable.</summary>
public sealed class TrainingPlan
{
    /// <summary>More tokens together than a product packs at once gain nothing and take memory.</summary>
    internal const int EnoughTokens = 384;

    private const double DecodingInTokens = 10;

    /// <summary>What threads lose that share every product, measured with two.</summary>
    private const double SharingCost = 1.2;

    private TrainingPlan(WorkspaceShape shape, bool inHalves, bool atOnce, long workspaceBytes, long adapterBytes, long optimizerBytes)
    {
        Shape = shape;
        InHalves = inHalves;
        AtOnce = atOnce;
        WorkspaceBytes = workspaceBytes;
        AdapterBytes = adapterBytes;
        OptimizerBytes = optimizerBytes;
    }

    /// <summary>The most tokens that are computed together; a step, or a half of it, with more is divided into micro-batches.</summary>
    public int MicroBatchTokens => Shape.Tokens;

    /// <summary>Of how many layers, at least 1, the activations are kept; those of the others are computed twice.</summary>
    public int KeptLayers => Shape.KeptLayers;

    /// <summary>Whether the gradients of a step are summed in two halves, which the recipe alone decides.</summary>
    public bool InHalves { get; }

    /// <summary>Whether both halves are computed at once, each on half of the threads and in a workspace of its own; else one after the other.</summary>
    public bool AtOnce { get; }

    /// <summary>Bytes of activations and scratch, all workspaces together.</summary>
    public long WorkspaceBytes { get; }

    /// <summary>Bytes of the adapter's parameters and gradients, with halves of both, with DoRA of the norms of the rows, with examples held back of the best parameters, and with differential privacy of the gradients of single examples.</summary>
    public long AdapterBytes { get; }

    /// <summary>Bytes of the optimizer's moments.</summary>
    public long OptimizerBytes { get; }

    /// <summary>All of it.</summary>
    public long TotalBytes => WorkspaceBytes + AdapterBytes + OptimizerBytes;

    internal WorkspaceShape Shape { get; }

    /// <summary>The workspace in which examples that are held back are measured.</summary>
    internal WorkspaceShape MonitorShape => ForMonitor(Shape);

    /// <summary>Finds the fastest plan within the budget, as far as <see cref="RelativeTime"/> tells.</summary>
    /// <exception cref="MemoryBudgetException">Not even the longest example by itself fits.</exception>
    internal static TrainingPlan Choose(DecoderDescription description, LoraRecipe recipe, TrainingMemory memory, int threads, IReadOnlyList<TrainingExample?> examples)
    {
        var inHalves = recipe.DifferentialPrivacy is null && recipe.ExamplesPerStep > 1;
        var canBeAtOnce = inHalves && threads >= StepHalves.Count;
        var (stepTokens, longest) = Measure(examples, recipe.ExamplesPerStep, inHalves);
        var most = recipe.DifferentialPrivacy is null ? recipe.ExamplesPerStep : Math.Min(recipe.ExamplesPerStep, PrivateTrainingStep.MaximumExamples);
        var tokens = recipe.DifferentialPrivacy is null ? Math.Min(stepTokens, Math.Max(longest, EnoughTokens)) : stepTokens;
        var whole = new WorkspaceShape(tokens, most, longest, TrainableAdapter.LargestRank(description, recipe.Configuration), memory.Activations == ActivationPolicy.Recompute ? 1 : description.LayerCount, ForBackward: true, recipe.UseDora, recipe.Dropout > 0);
        TrainingPlan Plan(WorkspaceShape shape, bool atOnce) => Create(description, recipe, shape, inHalves, atOnce);
        bool Fits(WorkspaceShape shape, bool atOnce)
        {
            var plan = Plan(shape, atOnce);
            return plan.TotalBytes <= memory.Total(plan.AdapterBytes + plan.OptimizerBytes);
        }

        if (recipe.DifferentialPrivacy is not null)
        {
            // Each example of a micro-batch has gradients of its own: the smallest workspace tells for how many there is room.
            var least = whole with { Tokens = longest, KeptLayers = memory.Activations == ActivationPolicy.Keep ? whole.KeptLayers : 1 };
            whole = whole with { Examples = Largest(1, most, count => Fits(least with { Examples = count }, atOnce: false)) };
        }

        (double Time, TrainingPlan Plan)? best = null;
        var fewest = memory.Activations == ActivationPolicy.Auto ? 1 : whole.KeptLayers;
        foreach (var atOnce in canBeAtOnce ? [true, false] : new[] { false })
        {
            for (var kept = whole.KeptLayers; kept >= fewest; kept--)
            {
                var layers = whole with { KeptLayers = kept };
                var shape = layers with { Tokens = Largest(longest, tokens, count => Fits(layers with { Tokens = count }, atOnce)) };
                var time = RelativeTime(shape, description.LayerCount) * (canBeAtOnce && !atOnce ? SharingCost : 1);
                if (Fits(shape, atOnce) && (best is null || time < best.Value.Time))
                {
                    best = (time, Plan(shape, atOnce));
                }
            }
        }

        var smallest = Plan(whole with { KeptLayers = fewest, Tokens = longest }, atOnce: false);
        return best?.Plan ?? (memory.BudgetBytes is { } budget ? throw new MemoryBudgetException(budget, smallest.TotalBytes) : smallest);
    }

    /// <summary>
    /// The time a token takes, in times of its products alone: a layer that is computed again costs its forward, half of what forward and backward cost; decoding the weights costs about what <see cref="DecodingInTokens"/> tokens do,
    /// once for each micro-batch.
    /// </summary>
    internal static double RelativeTime(WorkspaceShape shape, int layers) => (1 + ((layers - shape.KeptLayers) / (2.0 * layers))) * (1 + (DecodingInTokens / shape.Tokens));

    /// <summary>The same for training all weights, which take <paramref name="fixedBytes"/> with their gradients and moments.</summary>
    /// <exception cref="MemoryBudgetException">Not even the longest example by itself fits.</exception>
    internal static WorkspaceShape ChooseShape(DecoderDescription description, int examplesPerStep, TrainingMemory memory, IReadOnlyList<TrainingExample> examples, long fixedBytes)
    {
        var (stepTokens, longest) = Measure(examples, examplesPerStep, inHalves: false);
        var shape = new WorkspaceShape(stepTokens, examplesPerStep, longest, Rank: 0, memory.Activations == ActivationPolicy.Recompute ? 1 : description.LayerCount, ForBackward: true);
        var budget = memory.Total(fixedBytes);
        long Needed(WorkspaceShape s) => fixedBytes + TrainingWorkspace.ByteLength(description, s);
        if (memory.Activations == ActivationPolicy.Auto)
        {
            var whole = shape;
            shape = shape with { KeptLayers = Largest(1, description.LayerCount, kept => Needed(whole with { KeptLayers = kept }) <= budget) };
        }

        var chosen = shape;
        shape = shape with { Tokens = Largest(longest, stepTokens, count => Needed(chosen with { Tokens = count }) <= budget) };
        return Needed(shape) <= budget ? shape : throw new MemoryBudgetException(budget, Needed(shape));
    }

    private static TrainingPlan Create(DecoderDescription description, LoraRecipe recipe, WorkspaceShape shape, bool inHalves, bool atOnce)
    {
        var parameters = TrainableAdapter.ParameterCount(description, recipe.Configuration);
        var watches = recipe.ValidationShare > 0;
        var vectors = 2L + (watches ? 1 : 0) + (inHalves ? 1 : 0);
        var perExample = recipe.DifferentialPrivacy is null ? 0 : PrivateTrainingStep.ByteLength(parameters, shape.Examples);
        var adapterBytes = (vectors * sizeof(float) * parameters) + perExample + DoraState.ByteLength(description, recipe.Configuration);
        var workspaceBytes = ((atOnce ? StepHalves.Count : 1) * TrainingWorkspace.ByteLength(description, shape)) + (watches ? TrainingWorkspace.ByteLength(description, ForMonitor(shape)) : 0);
        return new TrainingPlan(shape, inHalves, atOnce, workspaceBytes, adapterBytes, AdamW.ByteLength(parameters));
    }

    private static WorkspaceShape ForMonitor(WorkspaceShape shape) => shape with { KeptLayers = 1, ForBackward = false, UsesDropout = false };

    /// <summary>The most tokens of a step, or of the larger half of one, and of an example.</summary>
    private static (int StepTokens, int Longest) Measure(IReadOnlyList<TrainingExample?> examples, int perStep, bool inHalves)
    {
        int largest = 0, longest = 0;
        foreach (var step in examples.Chunk(perStep))
        {
            var present = step.OfType<TrainingExample>().ToList();
            largest = Math.Max(largest, inHalves ? StepHalves.LargestTokens(present) : checked(present.Sum(example => example.Length)));
            longest = Math.Max(longest, present.Count == 0 ? 0 : present.Max(example => example.Length));
        }

        return (largest, longest);
    }

    /// <summary>The largest number that fits, by bisection: more always needs more; <paramref name="low"/> if none does.</summary>
    private static int Largest(int low, int high, Func<int, bool> fits)
    {
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            if (fits(middle))
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }
}

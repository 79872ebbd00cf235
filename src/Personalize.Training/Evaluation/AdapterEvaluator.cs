using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Training.Adapters;
using Personalize.Training.Data;
using Personalize.Training.Layers;
using Personalize.Training.Memory;

namespace Personalize.Training.Evaluation;

/// <summary>Measures how well the base, or an adapter on it, predicts the replies of examples, with the forward that training uses.</summary>
/// <remarks>No activations are kept: one layer's buffers serve all. Borrows weights and pool, which must outlive it. Not thread-safe.</remarks>
public sealed class AdapterEvaluator
{
    /// <summary>Enough tokens together for a decoded tile of weights to pay off.</summary>
    private const int TokensPerBatch = 512;

    private readonly DecoderDescription _description;
    private readonly DecoderWeights _weights;
    private readonly WorkerPool _pool;

    /// <summary>Creates an evaluator of one model.</summary>
    /// <param name="description">The model's sizes.</param>
    /// <param name="weights">The model's weights.</param>
    /// <param name="pool">The threads that work.</param>
    public AdapterEvaluator(DecoderDescription description, DecoderWeights weights, WorkerPool pool)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(pool);
        _description = description;
        _weights = weights;
        _pool = pool;
    }

    /// <summary>Computes the loss of every example.</summary>
    /// <param name="examples">Prompts and replies; cut to the model's context.</param>
    /// <param name="adapter">The adapter, or null for the base.</param>
    /// <param name="cancellationToken">Looked at before every layer.</param>
    /// <returns>The losses, also of examples without a token that carries loss.</returns>
    /// <exception cref="TensorShapeException">The adapter does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The evaluation was cancelled.</exception>
    public EvaluationResult Evaluate(IReadOnlyList<TrainingExample> examples, LoraAdapter? adapter = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var prepared = ExampleCheck.Prepare(examples, _description.VocabularySize, _description.ContextLength);
        var sums = new double[prepared.Count];
        if (prepared.Count > 0)
        {
            using var trainable = adapter is null ? null : TrainableAdapter.FromAdapter(_description, adapter, withGradients: false);
            Evaluate(prepared, trainable, sums, cancellationToken);
        }

        return new EvaluationResult([.. prepared.Select((example, i) => new ExampleLoss(sums[i], example.LossTokenCount))]);
    }

    private void Evaluate(List<TrainingExample> examples, TrainableAdapter? adapter, double[] sums, CancellationToken cancellationToken)
    {
        var batches = Divide(examples);
        var longest = examples.Max(e => e.Length);
        var shape = new WorkspaceShape(Math.Max(TokensPerBatch, longest), batches.Max(b => b.Length), longest, adapter?.Rank ?? 0, KeptLayers: 1, ForBackward: false, adapter is { UsesDora: true });
        using var stack = new DecoderStack(_description, _weights, _pool, adapter, shape);
        var batch = new PackedBatch();
        foreach (var range in batches)
        {
            batch.Fill(examples, range.Start, range.Length);
            stack.Evaluate(batch, cancellationToken);
            for (var i = 0; i < batch.Losses.Count; i++)
            {
                sums[range.Start + batch.Losses[i].Example] += stack.Losses[i];
            }
        }
    }

    private static List<ExampleRange> Divide(List<TrainingExample> examples)
    {
        var batches = new List<ExampleRange>();
        var capacity = new MicroBatchCapacity(TokensPerBatch, int.MaxValue);
        for (var start = 0; start < examples.Count; start += batches[^1].Length)
        {
            batches.Add(new ExampleRange(start, capacity.Take(examples, start)));
        }

        return batches;
    }
}

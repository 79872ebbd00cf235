using System.Runtime.ExceptionServices;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Core.Models;

namespace Personalize.Inference.Adapters;

/// <summary>An adapter packed for serving beside an untouched base. Read-only and safe to share between conversations.</summary>
public sealed class AttachedAdapter : IDisposable
{
    private readonly LowRankPair?[] _pairs;

    /// <summary>Packs an adapter for a model.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">The model it is to serve with.</param>
    /// <param name="pool">The threads that measure the weights' rows for an adapter with magnitudes (DoRA), and as many pack one without; null stands for one thread.</param>
    /// <exception cref="AdapterMismatchException">The adapter belongs to another base.</exception>
    /// <exception cref="TensorShapeException">A pair does not fit the model's map, names a layer it does not have, or has a bias where the base or the configuration has none, or none where both have.</exception>
    public AttachedAdapter(LoraAdapter adapter, DecoderModel model, WorkerPool? pool = null)
    {
        if (!string.Equals(adapter.BaseFingerprint, model.Fingerprint, StringComparison.Ordinal))
        {
            throw new AdapterMismatchException(adapter.BaseFingerprint, model.Fingerprint);
        }

        foreach (var pair in adapter.Pairs)
        {
            if (pair.Layer >= model.Description.LayerCount)
            {
                throw new TensorShapeException("adapter layers", [model.Description.LayerCount], [pair.Layer + 1]);
            }

            var (input, output) = model.GetShape(pair.Module);
            if (pair.InputSize != input || pair.OutputSize != output)
            {
                throw new TensorShapeException($"adapter layer {pair.Layer} {pair.Module}", [output, input], [pair.OutputSize, pair.InputSize]);
            }

            var hasBias = adapter.Configuration.HasBias(model.Description, pair.Module);
            if (pair.Bias is null == hasBias)
            {
                throw new TensorShapeException($"adapter layer {pair.Layer} {pair.Module} (bias)", [hasBias ? output : 0], [pair.Bias?.Length ?? 0]);
            }
        }

        BaseFingerprint = model.Fingerprint;
        Fingerprint = AdapterFingerprint.Of(adapter);
        _pairs = new LowRankPair?[model.Description.LayerCount * LoraConfiguration.AllTargets.Count];
        var plain = adapter.Pairs.Where(pair => pair.Magnitude is null).ToArray();
        try
        {
            Parallel.ForEach(
                plain,
                new ParallelOptions { MaxDegreeOfParallelism = pool?.ThreadCount ?? 1 },
                pair => _pairs[Index(pair.Layer, pair.Module)] = new LowRankPair(pair, adapter.Configuration.GetScale(pair.Layer, pair.Module)));
        }
        catch (AggregateException exception) when (exception.InnerExceptions is [var first, ..])
        {
            // The threads' errors come bundled; who calls knows them one by one.
            ExceptionDispatchInfo.Throw(first);
        }

        if (plain.Length == adapter.Pairs.Count)
        {
            return;
        }

        // With magnitudes it is the rows of each weight that the threads share.
        using var own = pool is null ? new WorkerPool(1) : null;
        foreach (var pair in adapter.Pairs.Except(plain))
        {
            _pairs[Index(pair.Layer, pair.Module)] = new LowRankPair(pair, adapter.Configuration.GetScale(pair.Layer, pair.Module), model.Weights.Layers[pair.Layer][pair.Module], pool ?? own!);
        }
    }

    /// <summary>The fingerprint of the model it serves with.</summary>
    public string BaseFingerprint { get; }

    /// <summary>The SHA-256 of what the adapter computes: the base, the scale and all pairs.</summary>
    public string Fingerprint { get; }

    /// <summary>How many bytes the packed pairs take.</summary>
    public long ByteLength => _pairs.Sum(pair => pair?.ByteLength ?? 0);

    /// <summary>The pair of a linear map, or null where the adapter has none.</summary>
    /// <param name="layer">The layer, counted from 0.</param>
    /// <param name="module">The linear map.</param>
    /// <returns>The packed pair.</returns>
    public LowRankPair? this[int layer, LinearModule module] => _pairs[Index(layer, module)];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var pair in _pairs)
        {
            pair?.Dispose();
        }
    }

    private static int Index(int layer, LinearModule module) => (layer * LoraConfiguration.AllTargets.Count) + (int)module;
}

using System.Globalization;
using Personalize.Core.Errors;
using Personalize.Core.Models;

namespace Personalize.Core.Adapters;

/// <summary>Puts an adapter together from the tensors of a file, whatever its format: each tensor once, of the right shape, finite, none missing.</summary>
internal sealed class AdapterAssembly(string path, DecoderDescription model, Func<int, LinearModule, int> rankOf)
{
    /// <summary>No adapter of a person needs more; a hostile one would ask for it.</summary>
    public const int MaximumRank = 1024;

    // PEFT's save looks for `q_proj.bias`, which a wrapped map calls `q_proj.base_layer.bias`.
    private const string MissingBias = "is missing: PEFT's own save leaves trained biases out with lora_only; add them to the file from the trained model";

    private readonly Dictionary<(int Layer, LinearModule Module), float[]> _a = [];
    private readonly Dictionary<(int Layer, LinearModule Module), float[]> _b = [];
    private readonly Dictionary<(int Layer, LinearModule Module), float[]> _magnitudes = [];
    private readonly Dictionary<(int Layer, LinearModule Module), float[]> _biases = [];

    /// <summary>Checks a tensor's place and shape, outermost dimension first, before its values are read.</summary>
    public void RequireShape(string tensor, int layer, LinearModule module, AdapterTensor kind, IReadOnlyList<long> shape)
    {
        if (layer < 0 || layer >= model.LayerCount)
        {
            throw new AdapterFormatException(AdapterFormatError.UnknownTensor, path, $"the model has {model.LayerCount} layers: use the adapter's own base", tensor: tensor);
        }

        var (input, output) = model.GetShape(module);
        long[] expected = kind switch
        {
            AdapterTensor.A => [rankOf(layer, module), input],
            AdapterTensor.B => [output, rankOf(layer, module)],
            _ => [output],
        };
        if (!shape.SequenceEqual(expected))
        {
            throw new AdapterFormatException(
                AdapterFormatError.ShapeMismatch,
                path,
                $"has shape [{string.Join(", ", shape)}], the rank and the model ask for [{string.Join(", ", expected)}]: use the adapter's own base",
                tensor: tensor);
        }
    }

    /// <summary>Takes a tensor's values, whose shape was checked.</summary>
    public void Add(string tensor, int layer, LinearModule module, AdapterTensor kind, float[] values)
    {
        RequireFinite(tensor, values);
        if (!Of(kind).TryAdd((layer, module), values))
        {
            throw new AdapterFormatException(AdapterFormatError.UnknownTensor, path, "is there a second time: fetch the adapter again", tensor: tensor);
        }
    }

    /// <summary>The modules that any tensor was given for, in order.</summary>
    public IReadOnlyList<LinearModule> Modules => [.. _a.Keys.Concat(_b.Keys).Concat(_magnitudes.Keys).Concat(_biases.Keys).Select(key => key.Module).Distinct().Order()];

    /// <summary>The adapter, whose every layer has a pair for every target.</summary>
    /// <param name="configuration">Rank, alpha, scaling and targets.</param>
    /// <param name="fingerprint">The fingerprint of the base.</param>
    /// <param name="nameOf">The name that a missing tensor would have.</param>
    public LoraAdapter Build(LoraConfiguration configuration, string fingerprint, Func<int, LinearModule, AdapterTensor, string> nameOf)
    {
        var pairs = new List<LoraPair>(model.LayerCount * configuration.Targets.Count);
        for (var layer = 0; layer < model.LayerCount; layer++)
        {
            foreach (var module in configuration.Targets)
            {
                float[] Take(AdapterTensor kind) => Of(kind).Remove((layer, module), out var found)
                    ? found
                    : throw new AdapterFormatException(AdapterFormatError.MissingTensor, path, kind == AdapterTensor.Bias ? MissingBias : "is missing: fetch the adapter again", tensor: nameOf(layer, module, kind));

                var magnitude = configuration.UseDora ? Take(AdapterTensor.Magnitude) : null;
                var bias = configuration.HasBias(model, module) ? Take(AdapterTensor.Bias) : null;
                pairs.Add(new LoraPair(layer, module, rankOf(layer, module), Take(AdapterTensor.A), Take(AdapterTensor.B), magnitude, bias));
            }
        }

        foreach (var kind in Enum.GetValues<AdapterTensor>())
        {
            if (Of(kind).Count > 0)
            {
                var (layer, module) = Of(kind).Keys.First();
                throw new AdapterFormatException(AdapterFormatError.UnknownTensor, path, "is not among what the configuration asks for: fetch the adapter again", tensor: nameOf(layer, module, kind));
            }
        }

        return new LoraAdapter(configuration, fingerprint, pairs);
    }

    /// <summary>The fingerprint that the adapter gets: the one it was exported with, which must be the model's; one that says nothing is taken to be for this model, whose shapes it has.</summary>
    public static string RequireBase(string? adapterFingerprint, string modelFingerprint)
        => adapterFingerprint is null || string.Equals(adapterFingerprint, modelFingerprint, StringComparison.Ordinal)
            ? modelFingerprint
            : throw new AdapterMismatchException(adapterFingerprint, modelFingerprint);

    public static void RequireRank(string path, long rank, string? field, string? tensor)
    {
        if (rank is < 1 or > MaximumRank)
        {
            throw new AdapterFormatException(AdapterFormatError.RankOutOfRange, path, string.Create(CultureInfo.InvariantCulture, $"the rank {rank} is not from 1 to {MaximumRank}: use another adapter"), field, tensor);
        }
    }

    private void RequireFinite(string tensor, ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
            {
                throw new AdapterFormatException(AdapterFormatError.NonFinite, path, "holds NaN or infinity: train the adapter again", tensor: tensor);
            }
        }
    }

    private Dictionary<(int Layer, LinearModule Module), float[]> Of(AdapterTensor kind) => kind switch
    {
        AdapterTensor.A => _a,
        AdapterTensor.B => _b,
        AdapterTensor.Magnitude => _magnitudes,
        _ => _biases,
    };
}

using System.Globalization;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Core.Security;

namespace Personalize.Core.Adapters;

/// <summary>
/// An adapter as the GGUF file that llama.cpp loads beside a model: <c>general.type = adapter</c>, <c>adapter.type = lora</c>, one alpha for all, <c>blk.N.NAME.weight.lora_a</c> with dims <c>{in, r}</c> and <c>.lora_b</c> with <c>{r, out}</c>.
/// The scale there is alpha / r, so for rsLoRA <c>alpha * sqrt(r)</c> is written, and where an alpha of its own scales a map otherwise, its B is written multiplied by the difference.
/// DoRA and trained biases have no form in such a file. An exported adapter is no longer sealed.
/// </summary>
public static class GgufAdapter
{
    private const string FingerprintKey = "personalize.base_fingerprint";
    private const string AlphaKey = "adapter.lora.alpha";
    private const string ArchitectureKey = "general.architecture";
    private const string SuffixA = ".weight.lora_a";
    private const string SuffixB = ".weight.lora_b";
    private const int LargestPiece = 1 << 14;

    /// <summary>Reads an adapter for a model, as strictly as <see cref="PeftAdapter.Import"/>. Maps may have different ranks.</summary>
    /// <param name="path">The GGUF file.</param>
    /// <param name="model">The model it is to adapt.</param>
    /// <param name="modelFingerprint">The model's fingerprint; the adapter gets it where its own file names none.</param>
    /// <returns>The adapter, its rows in half-split order. Alpha 0 or none means a scale of 1, so alpha becomes the rank.</returns>
    /// <exception cref="AdapterFormatException">It is no LoRA adapter, is for another architecture, is hostile, or a shape does not fit.</exception>
    /// <exception cref="ModelFormatException">The GGUF file breaks its format.</exception>
    /// <exception cref="AdapterMismatchException">The file names another base.</exception>
    public static LoraAdapter Import(string path, DecoderDescription model, string modelFingerprint)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(modelFingerprint);
        using var file = GgufFile.Open(path);
        RequireKey(file, "general.type", "adapter", AdapterFormatError.FieldInvalid);
        RequireKey(file, "adapter.type", "lora", AdapterFormatError.UnsupportedFeature);
        RequireKey(file, ArchitectureKey, model.Architecture, AdapterFormatError.OtherArchitecture);
        var fingerprint = AdapterAssembly.RequireBase(file.Metadata.TryGetString(FingerprintKey, out var own) ? own : null, modelFingerprint);
        var (rank, overrides) = ReadRanks(file);
        var configuration = new LoraConfiguration(rank, ReadAlpha(file, rank), UseRankStabilizedScaling: false, []) { Overrides = overrides };
        var assembly = new AdapterAssembly(path, model, configuration.GetRank);
        foreach (var tensor in file.Tensors)
        {
            // A converter may leave norms in; llama.cpp passes over them too.
            if (tensor.Name.EndsWith("_norm.weight", StringComparison.Ordinal))
            {
                continue;
            }

            var (layer, module, kind) = ParseName(path, tensor.Name);
            assembly.RequireShape(tensor.Name, layer, module, kind, [.. tensor.Dimensions.Reverse()]);
            if (tensor.Type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
            {
                throw new AdapterFormatException(AdapterFormatError.UnsupportedType, path, $"has type {tensor.Type}: convert the adapter to F32, F16 or BF16", tensor: tensor.Name);
            }

            var values = file.ReadSingles(tensor);
            assembly.Add(tensor.Name, layer, module, kind, kind == AdapterTensor.B && HeadsOf(model, module) is { } heads ? RotaryOrder.ToHalfSplit(values, heads, configuration.GetRank(layer, module)) : values);
        }

        return assembly.Build(configuration with { Targets = assembly.Modules }, fingerprint, NameOf);
    }

    /// <summary>Writes an adapter as one file, whole or not at all, readable by its owner only.</summary>
    /// <param name="path">The file; its folder exists.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">The model it adapts: its architecture and heads decide the order of rows.</param>
    /// <param name="type">F32, which is exact, or F16 or BF16, which halve the file.</param>
    /// <param name="overwrite">Replace a file that is there.</param>
    /// <exception cref="AdapterFormatException">The place is taken or cannot be written, the adapter has a shape that is not the model's, or it has magnitudes (DoRA) or biases, which such a file cannot hold.</exception>
    /// <exception cref="ArgumentException">The type holds no floats, or alpha is not positive: a reader would take 0 for a scale of 1.</exception>
    public static void Export(string path, LoraAdapter adapter, DecoderDescription model, GgmlType type = GgmlType.F32, bool overwrite = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(model);
        var configuration = adapter.Configuration;
        if (type is not (GgmlType.F32 or GgmlType.F16 or GgmlType.BF16))
        {
            throw new ArgumentException($"type {type} holds no floats", nameof(type));
        }

        if (!(configuration.Alpha > 0))
        {
            throw new ArgumentException($"alpha {configuration.Alpha} is not positive", nameof(adapter));
        }

        if (configuration.UseDora)
        {
            throw new AdapterFormatException(AdapterFormatError.UnsupportedFeature, path, "cannot hold DoRA's magnitudes: export the adapter for PEFT, or merge it into the model", "use_dora");
        }

        if (adapter.Pairs.Any(pair => pair.Bias is not null))
        {
            throw new AdapterFormatException(AdapterFormatError.UnsupportedFeature, path, "cannot hold trained biases: export the adapter for PEFT, or merge it into the model", "bias");
        }

        var target = Path.GetFullPath(path);
        if (Directory.Exists(target) || (File.Exists(target) && !overwrite))
        {
            throw new AdapterFormatException(AdapterFormatError.AlreadyExists, target, "is there already: choose another place, or ask to overwrite it");
        }

        var writer = new GgufWriter();
        writer.AddString(ArchitectureKey, model.Architecture);
        writer.AddString("general.type", "adapter");
        writer.AddString("adapter.type", "lora");
        var alpha = configuration.UseRankStabilizedScaling ? configuration.Alpha * MathF.Sqrt(configuration.Rank) : configuration.Alpha;
        writer.AddSingle(AlphaKey, alpha);
        writer.AddString(FingerprintKey, adapter.BaseFingerprint);
        foreach (var pair in adapter.Pairs)
        {
            var (nameA, nameB) = (NameOf(pair.Layer, pair.Module, AdapterTensor.A), NameOf(pair.Layer, pair.Module, AdapterTensor.B));
            var assembly = new AdapterAssembly(target, model, (_, _) => pair.Rank);
            assembly.RequireShape(nameA, pair.Layer, pair.Module, AdapterTensor.A, [pair.Rank, pair.InputSize]);
            assembly.RequireShape(nameB, pair.Layer, pair.Module, AdapterTensor.B, [pair.OutputSize, pair.Rank]);
            var b = configuration.Overrides.Count == 0 ? pair.B : Scaled(pair.B, configuration.GetScale(pair.Layer, pair.Module) * pair.Rank / alpha);
            writer.AddTensor(nameA, type, [pair.InputSize, pair.Rank], stream => WriteValues(stream, type, pair.A));
            writer.AddTensor(nameB, type, [pair.Rank, pair.OutputSize], stream => WriteValues(stream, type, HeadsOf(model, pair.Module) is { } heads ? RotaryOrder.ToAdjacent(b, heads, pair.Rank) : b));
        }

        try
        {
            DurableFile.Write(target, writer.Write);
        }
        catch (ProfileAccessException exception)
        {
            throw new AdapterFormatException(AdapterFormatError.NotWritable, target, "cannot be written: choose another place, or free some space", innerException: exception);
        }
    }

    private static string NameOf(int layer, LinearModule module, AdapterTensor kind)
        => string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.{AdapterModules.GgufName(module)}{(kind == AdapterTensor.A ? SuffixA : SuffixB)}");

    private static float[] Scaled(float[] values, float factor) => factor == 1 ? values : Array.ConvertAll(values, value => value * factor);

    /// <summary>The heads of a map whose rows the file keeps in adjacent order, or null.</summary>
    private static int? HeadsOf(DecoderDescription model, LinearModule module) => (model.FileHasAdjacentRotaryPairs, module) switch
    {
        (true, LinearModule.Query) => model.HeadCount,
        (true, LinearModule.Key) => model.KeyValueHeadCount,
        _ => null,
    };

    private static void WriteValues(Stream stream, GgmlType type, ReadOnlySpan<float> values)
    {
        var buffer = new byte[LargestPiece * sizeof(float)];
        var size = type == GgmlType.F32 ? sizeof(float) : sizeof(ushort);
        for (; !values.IsEmpty; values = values[Math.Min(values.Length, LargestPiece)..])
        {
            var piece = values[..Math.Min(values.Length, LargestPiece)];
            BlockCodec.Quantize(type, piece, buffer.AsSpan(0, piece.Length * size));
            stream.Write(buffer, 0, piece.Length * size);
        }
    }

    private static void RequireKey(GgufFile file, string key, string expected, AdapterFormatError error)
    {
        if (!file.Metadata.TryGetString(key, out var value) || !string.Equals(value, expected, StringComparison.Ordinal))
        {
            throw new AdapterFormatException(error, file.Path, $"is not '{expected}': give a GGUF LoRA adapter of this model's architecture", key);
        }
    }

    /// <summary>The rank of the first pair, and an override for each pair of another one.</summary>
    private static (int Rank, IReadOnlyList<LoraOverride> Overrides) ReadRanks(GgufFile file)
    {
        int? first = null;
        var others = new List<LoraOverride>();
        foreach (var tensor in file.Tensors.Where(tensor => tensor.Name.EndsWith(SuffixA, StringComparison.Ordinal)))
        {
            var rank = tensor.Dimensions.Count == 2 ? tensor.Dimensions[1] : 0;
            AdapterAssembly.RequireRank(file.Path, rank, field: null, tensor.Name);
            first ??= (int)rank;
            if (rank != first)
            {
                var (layer, module, _) = ParseName(file.Path, tensor.Name);

                // Without an alpha every scale is 1, whatever the rank.
                others.Add(new LoraOverride(layer, module, (int)rank, HasAlpha(file) ? null : rank));
            }
        }

        return (first ?? throw new AdapterFormatException(AdapterFormatError.MissingTensor, file.Path, "holds no adapter tensors: give a GGUF LoRA adapter"), others);
    }

    private static bool HasAlpha(GgufFile file) => file.Metadata.TryGetSingle(AlphaKey, out var alpha) && alpha != 0;

    private static float ReadAlpha(GgufFile file, int rank)
    {
        if (!file.Metadata.Contains(AlphaKey))
        {
            return rank;
        }

        return file.Metadata.TryGetSingle(AlphaKey, out var alpha) && float.IsFinite(alpha) && alpha >= 0
            ? (alpha == 0 ? rank : alpha)
            : throw new AdapterFormatException(AdapterFormatError.FieldInvalid, file.Path, "is not a positive number: fetch the adapter again", AlphaKey);
    }

    private static (int Layer, LinearModule Module, AdapterTensor Kind) ParseName(string path, string name)
    {
        const string Prefix = "blk.";
        var isA = name.EndsWith(SuffixA, StringComparison.Ordinal);
        if ((isA || name.EndsWith(SuffixB, StringComparison.Ordinal)) && name.StartsWith(Prefix, StringComparison.Ordinal) && name.Length > Prefix.Length + SuffixA.Length)
        {
            var middle = name[Prefix.Length..^SuffixA.Length];
            var dot = middle.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0
                && int.TryParse(middle.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out var layer)
                && AdapterModules.TryParseGguf(middle[(dot + 1)..], out var module)
                && string.Equals(NameOf(layer, module, isA ? AdapterTensor.A : AdapterTensor.B), name, StringComparison.Ordinal))
            {
                return (layer, module, isA ? AdapterTensor.A : AdapterTensor.B);
            }
        }

        throw new AdapterFormatException(AdapterFormatError.UnknownTensor, path, "belongs to none of the linear maps that can be adapted: use another adapter", tensor: name);
    }
}

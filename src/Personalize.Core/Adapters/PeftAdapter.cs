using System.Globalization;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Models;
using Personalize.Core.Security;

namespace Personalize.Core.Adapters;

/// <summary>
/// An adapter as a PEFT directory: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>, as PEFT 0.21 saves them. The fingerprint of the base stands in the safetensors metadata, where PEFT lets it be.
/// An exported adapter is no longer sealed: it says about a person what it learned from them.
/// </summary>
public static class PeftAdapter
{
    /// <summary>The file of the configuration.</summary>
    public const string ConfigurationFile = "adapter_config.json";

    /// <summary>The file of the weights.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    internal const string FingerprintKey = "base_fingerprint";

    private const string Prefix = "base_model.model.model.layers.";
    private const string SuffixA = ".lora_A.weight";
    private const string SuffixB = ".lora_B.weight";
    private const string SuffixMagnitude = ".lora_magnitude_vector";
    private const string SuffixBias = ".base_layer.bias";

    // As files have it from before PEFT wrapped the base's maps.
    private const string SuffixBareBias = ".bias";

    /// <summary>Reads an adapter for a model, strictly: every tensor known, finite and of the shape the model asks for, none missing.</summary>
    /// <param name="directory">The PEFT directory.</param>
    /// <param name="model">The model it is to adapt.</param>
    /// <param name="modelFingerprint">The model's fingerprint; the adapter gets it where its own file names none.</param>
    /// <returns>The adapter; F16 and BF16 weights are widened.</returns>
    /// <exception cref="AdapterFormatException">A file is missing, damaged or hostile, a feature is not supported, or a shape does not fit.</exception>
    /// <exception cref="ModelFormatException">The safetensors file breaks its format.</exception>
    /// <exception cref="AdapterMismatchException">The file names another base.</exception>
    public static LoraAdapter Import(string directory, DecoderDescription model, string modelFingerprint)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(modelFingerprint);
        var configuration = PeftConfiguration.Read(Path.Combine(directory, ConfigurationFile));
        var path = Path.Combine(directory, WeightsFile);
        using var file = SafetensorsFile.Open(path);
        var fingerprint = AdapterAssembly.RequireBase(file.Metadata.GetValueOrDefault(FingerprintKey), modelFingerprint);
        var assembly = new AdapterAssembly(path, model, configuration.GetRank);
        foreach (var tensor in file.Tensors)
        {
            var (layer, module, kind) = ParseName(path, tensor.Name);
            assembly.RequireShape(tensor.Name, layer, module, kind, tensor.Shape);
            if (tensor.Type is not (SafetensorsType.F32 or SafetensorsType.F16 or SafetensorsType.BF16))
            {
                throw new AdapterFormatException(AdapterFormatError.UnsupportedType, path, $"has type {tensor.Type}: convert the adapter to F32, F16 or BF16", tensor: tensor.Name);
            }

            assembly.Add(tensor.Name, layer, module, kind, file.ReadSingles(tensor.Name));
        }

        return assembly.Build(configuration, fingerprint, NameOf);
    }

    /// <summary>Writes an adapter as a new directory, whole or not at all. Folder and files are the owner's alone.</summary>
    /// <param name="directory">The directory to write; its parent exists.</param>
    /// <param name="adapter">The adapter; its weights are written as F32.</param>
    /// <param name="overwrite">Replace what is there; otherwise only an empty directory may be there.</param>
    /// <exception cref="AdapterFormatException">The place is taken, or cannot be written.</exception>
    public static void Export(string directory, LoraAdapter adapter, bool overwrite = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ArgumentNullException.ThrowIfNull(adapter);
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt");
        writer.AddMetadata(FingerprintKey, adapter.BaseFingerprint);
        foreach (var (name, shape, values) in adapter.Pairs.SelectMany(TensorsOf).OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            writer.AddTensor(name, SafetensorsType.F32, shape, values);
        }

        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        if (File.Exists(target) || (!overwrite && Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new AdapterFormatException(AdapterFormatError.AlreadyExists, target, "is there already: choose another place, or ask to overwrite it");
        }

        try
        {
            DurableDirectory.Write(target, temporary =>
            {
                DurableFile.Write(Path.Combine(temporary, ConfigurationFile), stream => PeftConfiguration.Write(stream, adapter.Configuration));
                DurableFile.Write(Path.Combine(temporary, WeightsFile), writer.Write);
            });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ProfileAccessException)
        {
            throw new AdapterFormatException(AdapterFormatError.NotWritable, target, "cannot be written: choose another place, or free some space", innerException: exception);
        }
    }

    internal static string NameOf(int layer, LinearModule module, AdapterTensor kind) => NameOf(layer, module, SuffixOf(kind));

    private static string NameOf(int layer, LinearModule module, string suffix)
        => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{layer}.{AdapterModules.PeftName(module)}{suffix}");

    private static string SuffixOf(AdapterTensor kind) => kind switch
    {
        AdapterTensor.A => SuffixA,
        AdapterTensor.B => SuffixB,
        AdapterTensor.Magnitude => SuffixMagnitude,
        _ => SuffixBias,
    };

    private static IEnumerable<(string Name, long[] Shape, float[] Values)> TensorsOf(LoraPair pair) =>
    [
        (NameOf(pair.Layer, pair.Module, AdapterTensor.A), [pair.Rank, pair.InputSize], pair.A),
        (NameOf(pair.Layer, pair.Module, AdapterTensor.B), [pair.OutputSize, pair.Rank], pair.B),
        .. Vector(pair, AdapterTensor.Magnitude, pair.Magnitude),
        .. Vector(pair, AdapterTensor.Bias, pair.Bias),
    ];

    private static (string Name, long[] Shape, float[] Values)[] Vector(LoraPair pair, AdapterTensor kind, float[]? values) =>
        values is null ? [] : [(NameOf(pair.Layer, pair.Module, kind), [pair.OutputSize], values)];

    private static (int Layer, LinearModule Module, AdapterTensor Kind) ParseName(string path, string name)
    {
        foreach (var kind in Enum.GetValues<AdapterTensor>())
        {
            if (TryParse(name, SuffixOf(kind), out var layer, out var module))
            {
                return (layer, module, kind);
            }
        }

        return TryParse(name, SuffixBareBias, out var bareLayer, out var bareModule)
            ? (bareLayer, bareModule, AdapterTensor.Bias)
            : throw new AdapterFormatException(AdapterFormatError.UnknownTensor, path, "belongs to none of the linear maps that can be adapted: use another adapter", tensor: name);
    }

    private static bool TryParse(string name, string suffix, out int layer, out LinearModule module)
    {
        (layer, module) = (0, default);
        if (!name.EndsWith(suffix, StringComparison.Ordinal) || !name.StartsWith(Prefix, StringComparison.Ordinal) || name.Length <= Prefix.Length + suffix.Length)
        {
            return false;
        }

        var middle = name[Prefix.Length..^suffix.Length];
        var dot = middle.IndexOf('.', StringComparison.Ordinal);
        return dot > 0
            && int.TryParse(middle.AsSpan(0, dot), NumberStyles.None, CultureInfo.InvariantCulture, out layer)
            && AdapterModules.TryParsePeft(middle[(dot + 1)..], out module)
            && string.Equals(NameOf(layer, module, suffix), name, StringComparison.Ordinal);
    }
}

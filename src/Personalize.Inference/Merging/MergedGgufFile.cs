using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Kernels;
using Personalize.Core.Models;
using Personalize.Core.Quantization;

namespace Personalize.Inference.Merging;

/// <summary>Writes a merged model: the base's file with the adapted tensors and trained biases replaced and its provenance added.</summary>
internal static class MergedGgufFile
{
    private const string AdapterKey = "personalize.merged_adapter";
    private const string FingerprintKey = "personalize.base_fingerprint";
    private const string BasePrefix = "general.base_model.";

    public static long Write(string path, DecoderModel model, LoraAdapter adapter, string adapterId, IReadOnlyDictionary<string, MergeCandidate> candidates, WorkerPool pool, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(adapterId);
        var target = Path.GetFullPath(path);
        if (Directory.Exists(target) || (File.Exists(target) && (!overwrite || IsSame(target, model.Path))))
        {
            throw new AdapterFormatException(AdapterFormatError.AlreadyExists, target, "is there already: choose another place, or ask to overwrite it; a base is never overwritten by its own merge");
        }

        using var file = GgufFile.Open(model.Path);
        if (!string.Equals(file.Fingerprint, adapter.BaseFingerprint, StringComparison.Ordinal))
        {
            throw new AdapterMismatchException(adapter.BaseFingerprint, file.Fingerprint);
        }

        var writer = new GgufWriter(file.Alignment);
        writer.CopyMetadata(file.Metadata, [.. file.Metadata.Keys.Where(key => key is AdapterKey or FingerprintKey || key.StartsWith(BasePrefix, StringComparison.Ordinal))]);
        writer.AddUInt32(BasePrefix + "count", 1);
        writer.AddString(BasePrefix + "0.name", file.Metadata.TryGetString("general.name", out var name) ? name : Path.GetFileNameWithoutExtension(file.Path));
        writer.AddString(FingerprintKey, file.Fingerprint);
        writer.AddString(AdapterKey, adapterId);
        var biases = adapter.Pairs.Where(pair => pair.Bias is not null).ToDictionary(pair => MergedTensorNames.OfBias(pair.Layer, pair.Module), StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (candidates.TryGetValue(tensor.Name, out var candidate))
            {
                writer.AddTensor(tensor.Name, candidate.Types[candidate.Rung], [.. tensor.Dimensions], stream => WriteRows(stream, candidate.Encode(pool), (int)tensor.Dimensions[1], candidate.Module, model.Description));
            }
            else if (biases.TryGetValue(tensor.Name, out var pair))
            {
                writer.AddTensor(tensor.Name, GgmlType.F32, [.. tensor.Dimensions], stream => WriteRows(stream, MemoryMarshal.AsBytes(pair.Bias.AsSpan()).ToArray(), pair.Bias!.Length, pair.Module, model.Description));
            }
            else
            {
                writer.AddTensor(file, tensor);
            }
        }

        try
        {
            AtomicFile.Write(target, writer.Write);
            return new FileInfo(target).Length;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new AdapterFormatException(AdapterFormatError.NotWritable, target, "cannot be written: choose another place, or free some space", innerException: exception);
        }
    }

    /// <summary>Row <paramref name="fileRow"/> of a file whose rotary pairs are adjacent, (head, pair i, half s), is half-split row (head, s, i).</summary>
    internal static int HalfSplitRow(int fileRow, int headDimension)
    {
        var within = fileRow % headDimension;
        return fileRow - within + (within % 2 * (headDimension / 2)) + (within / 2);
    }

    private static void WriteRows(Stream stream, byte[] rows, int count, LinearModule module, DecoderDescription description)
    {
        if (!description.FileHasAdjacentRotaryPairs || module is not (LinearModule.Query or LinearModule.Key))
        {
            stream.Write(rows);
            return;
        }

        var rowBytes = rows.Length / count;
        for (var row = 0; row < count; row++)
        {
            stream.Write(rows, HalfSplitRow(row, description.HeadDimension) * rowBytes, rowBytes);
        }
    }

    private static bool IsSame(string path, string other) => string.Equals(path, Path.GetFullPath(other), OperatingSystem.IsWindows() ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
}

using System.Collections.Concurrent;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;

namespace Personalize.Core.Models;

/// <summary>Packs the weights of a model file: each tensor's shape is checked against the description and its scales must be finite. The file can be closed afterwards.</summary>
public static class DecoderWeightsLoader
{
    /// <summary>Packs all weights, several tensors at a time.</summary>
    /// <param name="file">An open model file.</param>
    /// <param name="description">What <see cref="DecoderDescriptionReader"/> read from it.</param>
    /// <param name="threads">How many threads pack; 0 means one for each core.</param>
    /// <returns>The weights; the caller disposes them.</returns>
    /// <exception cref="ModelFormatException">A tensor is missing, of the wrong shape, of an unsupported type, or holds NaN or infinity.</exception>
    public static DecoderWeights Load(GgufFile file, DecoderDescription description, int threads = 0)
    {
        var d = description;
        var matrices = new ConcurrentDictionary<string, PackedMatrix>(StringComparer.Ordinal);
        WeightArena? arena = null;
        try
        {
            var sources = Matrices(d).Select((matrix, place) => Check(file, matrix, place)).ToArray();
            arena = new WeightArena([.. sources.Select(source => PackedMatrix.GetPackedBytes(source.Format, source.Rows, source.Columns))]);

            // They lie as a token reads them and are packed with the largest first, so that no thread is left with it at the end.
            Parallel.ForEach(
                Partitioner.Create(sources.OrderByDescending(source => source.Tensor.ByteLength), EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = threads == 0 ? Environment.ProcessorCount : threads },
                source => matrices[source.Tensor.Name] = Pack(file, source, d, arena));
            var layers = new DecoderLayerWeights[d.LayerCount];
            for (var i = 0; i < layers.Length; i++)
            {
                var prefix = $"blk.{i}.";
                layers[i] = new DecoderLayerWeights
                {
                    AttentionNorm = ReadVector(file, prefix + "attn_norm.weight", d.HiddenSize),
                    Query = matrices[prefix + "attn_q.weight"],
                    Key = matrices[prefix + "attn_k.weight"],
                    Value = matrices[prefix + "attn_v.weight"],
                    QueryBias = d.HasAttentionBias ? ReadVector(file, prefix + "attn_q.bias", d.QuerySize, d.FileHasAdjacentRotaryPairs ? d.HeadCount : 0) : null,
                    KeyBias = d.HasAttentionBias ? ReadVector(file, prefix + "attn_k.bias", d.KeyValueSize, d.FileHasAdjacentRotaryPairs ? d.KeyValueHeadCount : 0) : null,
                    ValueBias = d.HasAttentionBias ? ReadVector(file, prefix + "attn_v.bias", d.KeyValueSize) : null,
                    Output = matrices[prefix + "attn_output.weight"],
                    FeedForwardNorm = ReadVector(file, prefix + "ffn_norm.weight", d.HiddenSize),
                    Gate = matrices[prefix + "ffn_gate.weight"],
                    Up = matrices[prefix + "ffn_up.weight"],
                    Down = matrices[prefix + "ffn_down.weight"],
                };
            }

            var embedding = matrices["token_embd.weight"];
            return new DecoderWeights(embedding, layers, ReadVector(file, "output_norm.weight", d.HiddenSize), d.TiesEmbeddings ? embedding : matrices["output.weight"], arena);
        }
        catch (Exception exception)
        {
            foreach (var matrix in matrices.Values)
            {
                matrix.Dispose();
            }

            arena?.Dispose();

            // The threads' errors come bundled; the first one names the tensor.
            if (exception is AggregateException { InnerExceptions: [PersonalizeException first, ..] })
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            }

            throw;
        }
    }

    private static IEnumerable<(string Name, int Rows, int Columns, int HeadsToUnpermute)> Matrices(DecoderDescription d)
    {
        for (var i = 0; i < d.LayerCount; i++)
        {
            var prefix = $"blk.{i}.";
            yield return (prefix + "attn_q.weight", d.QuerySize, d.HiddenSize, d.FileHasAdjacentRotaryPairs ? d.HeadCount : 0);
            yield return (prefix + "attn_k.weight", d.KeyValueSize, d.HiddenSize, d.FileHasAdjacentRotaryPairs ? d.KeyValueHeadCount : 0);
            yield return (prefix + "attn_v.weight", d.KeyValueSize, d.HiddenSize, 0);
            yield return (prefix + "attn_output.weight", d.HiddenSize, d.QuerySize, 0);
            yield return (prefix + "ffn_gate.weight", d.IntermediateSize, d.HiddenSize, 0);
            yield return (prefix + "ffn_up.weight", d.IntermediateSize, d.HiddenSize, 0);
            yield return (prefix + "ffn_down.weight", d.HiddenSize, d.IntermediateSize, 0);
        }

        yield return ("token_embd.weight", d.VocabularySize, d.HiddenSize, 0);
        if (!d.TiesEmbeddings)
        {
            yield return ("output.weight", d.VocabularySize, d.HiddenSize, 0);
        }
    }

    private static MatrixSource Check(GgufFile file, (string Name, int Rows, int Columns, int HeadsToUnpermute) matrix, int place)
    {
        var tensor = file.GetTensor(matrix.Name);
        if (tensor.Dimensions.Count != 2 || tensor.Dimensions[0] != matrix.Columns || tensor.Dimensions[1] != matrix.Rows)
        {
            throw new ModelFormatException(
                ModelFormatError.TensorShapeMismatch, file.Path, $"dimensions [{string.Join(", ", tensor.Dimensions)}], expected [{matrix.Columns}, {matrix.Rows}]", tensor.Offset, tensor: tensor.Name);
        }

        var format = tensor.Type switch
        {
            GgmlType.Q4_0 => WeightFormat.Q4Zero,
            GgmlType.Q4_1 => WeightFormat.Q4One,
            GgmlType.Q8_0 => WeightFormat.Q8Zero,
            GgmlType.F16 => WeightFormat.Float16,
            GgmlType.BF16 => WeightFormat.BFloat16,
            GgmlType.F32 => WeightFormat.Float32,
            _ => throw new ModelFormatException(ModelFormatError.UnsupportedTensorType, file.Path, $"type {tensor.Type} is not supported", tensor.Offset, tensor: tensor.Name),
        };
        return new MatrixSource(tensor, format, matrix.Rows, matrix.Columns, matrix.HeadsToUnpermute, place);
    }

    private static PackedMatrix Pack(GgufFile file, MatrixSource source, DecoderDescription d, WeightArena arena)
    {
        file.RequireFinite(source.Tensor);
        var data = file.GetData(source.Tensor);

        // HF row (head, half s, pair i) stands in the file at (head, i, s).
        var half = d.HeadDimension / 2;
        Func<int, int>? sourceRow = source.HeadsToUnpermute == 0 ? null : row => (row / d.HeadDimension * d.HeadDimension) + (row % half * 2) + (row % d.HeadDimension / half);
        var packed = PackedMatrix.Pack(source.Format, data, source.Rows, source.Columns, sourceRow, arena, source.Place);
        file.GiveBack(source.Tensor);
        return packed;
    }

    private static WeightVector ReadVector(GgufFile file, string name, int length, int headsToUnpermute = 0)
    {
        var tensor = file.GetTensor(name);
        if (tensor.ElementCount != length)
        {
            throw new ModelFormatException(ModelFormatError.TensorShapeMismatch, file.Path, $"{tensor.ElementCount} elements, expected {length}", tensor.Offset, tensor: name);
        }

        file.RequireFinite(tensor);
        var values = file.ReadSingles(tensor);
        return new WeightVector(headsToUnpermute == 0 ? values : RotaryOrder.ToHalfSplit(values, headsToUnpermute, rank: 1));
    }

    private sealed record MatrixSource(GgufTensor Tensor, WeightFormat Format, int Rows, int Columns, int HeadsToUnpermute, int Place);
}

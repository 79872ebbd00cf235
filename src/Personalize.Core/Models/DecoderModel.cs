using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;

namespace Personalize.Core.Models;

/// <summary>A model file ready to compute with: its description, its packed weights and, when asked, its fingerprint. Read-only and safe to share between threads.</summary>
public sealed class DecoderModel : IDisposable
{
    private static readonly Dictionary<(int Layer, LinearModule Module), float[]> EmptyBiases = [];

    private readonly Lazy<string> _fingerprint;
    private readonly IReadOnlyCollection<IDisposable>? _own;

    private DecoderModel(string path, DecoderDescription description, DecoderWeights weights, IReadOnlyCollection<IDisposable>? own, Func<string> fingerprint)
    {
        Path = path;
        Description = description;
        Weights = weights;
        _own = own;
        _fingerprint = new Lazy<string>(fingerprint);
    }

    /// <summary>The model file.</summary>
    public string Path { get; }

    /// <summary>Sizes and choices.</summary>
    public DecoderDescription Description { get; }

    /// <summary>The packed weights.</summary>
    public DecoderWeights Weights { get; }

    /// <summary>
    /// The SHA-256 of the file's tensors, see <see cref="GgufFile.Fingerprint"/>; read from the file the first time it is asked for.
    /// A model with other matrices or biases in some places has one of its own, made of the file's and of those.
    /// </summary>
    public string Fingerprint => _fingerprint.Value;

    /// <summary>Reads and packs a model.</summary>
    /// <param name="file">An open model file; not needed afterwards.</param>
    /// <param name="threads">How many threads pack; 0 means one for each core.</param>
    /// <param name="memoryLimitBytes">How many bytes the weights may take; null asks the runtime what the device has.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="Errors.ModelFormatException">The file is damaged, or its tensors do not fit its metadata.</exception>
    /// <exception cref="Errors.UnsupportedModelException">The family is not supported.</exception>
    /// <exception cref="MemoryShortageException">The weights need more memory than there is; nothing was allocated.</exception>
    public static DecoderModel Load(GgufFile file, int threads = 0, long? memoryLimitBytes = null)
    {
        var description = DecoderDescriptionReader.Read(file);

        // Packing changes the order of a tensor's bytes and not their number.
        MemoryShortageException.ThrowIfAbove(file.Tensors.Sum(tensor => tensor.ByteLength), memoryLimitBytes);
        var path = file.Path;
        return new DecoderModel(path, description, DecoderWeightsLoader.Load(file, description, threads), own: null, () =>
        {
            using var again = GgufFile.Open(path);
            return again.Fingerprint;
        });
    }

    /// <summary>The same model with other matrices, and perhaps biases, in some places, as a merged adapter leaves it; all other weights are shared. This model must outlive the result and stays what it is.</summary>
    /// <param name="matrices">The matrices by layer and map, rows of a head in half-split order. Owned by the result from the moment this returns.</param>
    /// <param name="biases">The biases by layer and map, <c>[out]</c> in the order of the rows, or null for none. Copied.</param>
    /// <returns>The model; disposing it frees the given matrices and its own biases and nothing else.</returns>
    /// <exception cref="TensorShapeException">A matrix or a bias has another shape than the one it replaces, or there is no bias to replace.</exception>
    public DecoderModel WithMatrices(
        IReadOnlyDictionary<(int Layer, LinearModule Module), PackedMatrix> matrices, IReadOnlyDictionary<(int Layer, LinearModule Module), float[]>? biases = null)
    {
        ArgumentNullException.ThrowIfNull(matrices);
        foreach (var ((layer, module), matrix) in matrices)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Description.LayerCount, nameof(matrices));
            var replaced = Weights.Layers[layer][module];
            if (matrix.Rows != replaced.Rows || matrix.Columns != replaced.Columns)
            {
                throw new TensorShapeException($"layer {layer} {module}", [replaced.Rows, replaced.Columns], [matrix.Rows, matrix.Columns]);
            }
        }

        foreach (var ((layer, module), bias) in biases ?? EmptyBiases)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, Description.LayerCount, nameof(biases));
            var replaced = Weights.Layers[layer].GetBias(module)?.Length ?? 0;
            if (bias.Length != replaced)
            {
                throw new TensorShapeException($"layer {layer} {module} (bias)", [replaced], [bias.Length]);
            }
        }

        var vectors = (biases ?? EmptyBiases).ToDictionary(pair => pair.Key, pair => new WeightVector(pair.Value));
        var layers = Weights.Layers.Select((weights, layer) =>
        {
            PackedMatrix Choose(LinearModule module) => matrices.TryGetValue((layer, module), out var other) ? other : weights[module];
            WeightVector? ChooseBias(LinearModule module) => vectors.TryGetValue((layer, module), out var other) ? other : weights.GetBias(module);
            return new DecoderLayerWeights
            {
                AttentionNorm = weights.AttentionNorm,
                Query = Choose(LinearModule.Query),
                Key = Choose(LinearModule.Key),
                Value = Choose(LinearModule.Value),
                QueryBias = ChooseBias(LinearModule.Query),
                KeyBias = ChooseBias(LinearModule.Key),
                ValueBias = ChooseBias(LinearModule.Value),
                Output = Choose(LinearModule.Output),
                FeedForwardNorm = weights.FeedForwardNorm,
                Gate = Choose(LinearModule.Gate),
                Up = Choose(LinearModule.Up),
                Down = Choose(LinearModule.Down),
            };
        }).ToArray();
        var own = matrices.OrderBy(pair => pair.Key).ToArray();
        return new DecoderModel(
            Path, Description, new DecoderWeights(Weights.TokenEmbedding, layers, Weights.OutputNorm, Weights.OutputProjection), [.. own.Select(pair => pair.Value), .. vectors.Values], () => Identify(Fingerprint, own, vectors));
    }

    /// <summary>How many bytes the packed matrices take; vectors are next to nothing.</summary>
    public long ByteLength => Weights.TokenEmbedding.ByteLength
        + (ReferenceEquals(Weights.OutputProjection, Weights.TokenEmbedding) ? 0 : Weights.OutputProjection.ByteLength)
        + Weights.Layers.Sum(layer => Enum.GetValues<LinearModule>().Sum(module => layer[module].ByteLength));

    /// <summary>The sizes of an adaptable map.</summary>
    /// <param name="module">Which of the seven.</param>
    /// <returns>The size of its input and of its output.</returns>
    public (int Input, int Output) GetShape(LinearModule module) => Description.GetShape(module);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_own is null)
        {
            Weights.Dispose();
            return;
        }

        foreach (var weight in _own)
        {
            weight.Dispose();
        }
    }

    private static unsafe string Identify(
        string fingerprint, IEnumerable<KeyValuePair<(int Layer, LinearModule Module), PackedMatrix>> matrices, IEnumerable<KeyValuePair<(int Layer, LinearModule Module), WeightVector>> biases)
    {
        const int LargestPiece = 1 << 20;

        // In place of a matrix's format.
        const int BiasMark = -1;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(fingerprint));
        var head = new byte[3 * sizeof(int)];
        foreach (var ((layer, module), matrix) in matrices)
        {
            BinaryPrimitives.WriteInt32LittleEndian(head, layer);
            BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(4), (int)module);
            BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), (int)matrix.Format);
            hash.AppendData(head);
            for (var at = 0L; at < matrix.ByteLength; at += LargestPiece)
            {
                hash.AppendData(new ReadOnlySpan<byte>((byte*)matrix.View.Data + at, (int)Math.Min(LargestPiece, matrix.ByteLength - at)));
            }
        }

        foreach (var ((layer, module), bias) in biases.OrderBy(pair => pair.Key))
        {
            BinaryPrimitives.WriteInt32LittleEndian(head, layer);
            BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(4), (int)module);
            BinaryPrimitives.WriteInt32LittleEndian(head.AsSpan(8), BiasMark);
            hash.AppendData(head);
            hash.AppendData(new ReadOnlySpan<byte>((byte*)bias.Pointer, bias.Length * sizeof(float)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}

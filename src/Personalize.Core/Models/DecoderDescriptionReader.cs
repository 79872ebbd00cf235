using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;

namespace Personalize.Core.Models;

/// <summary>Reads a <see cref="DecoderDescription"/> from a model file's metadata and checks that its sizes agree with one another.</summary>
public static class DecoderDescriptionReader
{
    private const int MostLayers = 1024;
    private const int LargestSize = 1 << 20;

    /// <summary>Whether rows of q and k are stored as adjacent rotary pairs, for each supported family.</summary>
    private static readonly Dictionary<string, bool> AdjacentPairs = new(StringComparer.Ordinal) { ["llama"] = true, ["qwen2"] = false };

    /// <summary>Reads the sizes.</summary>
    /// <param name="file">An open model file.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ModelFormatException">A size is missing, out of range, or contradicts another one.</exception>
    /// <exception cref="UnsupportedModelException">The family is not supported.</exception>
    public static DecoderDescription Read(GgufFile file)
    {
        var metadata = file.Metadata;
        var architecture = metadata.GetString("general.architecture");
        if (!AdjacentPairs.TryGetValue(architecture, out var adjacent))
        {
            throw new UnsupportedModelException("general.architecture", architecture, [.. AdjacentPairs.Keys.Order(StringComparer.Ordinal)]);
        }

        int Size(string name, int most)
        {
            var key = $"{architecture}.{name}";
            var value = metadata.GetUInt32(key);
            return value >= 1 && value <= most ? (int)value : throw Contradiction(file, key, $"{value} is outside 1..{most}");
        }

        int SizeOr(string name, int most, int fallback) => metadata.Contains($"{architecture}.{name}") ? Size(name, most) : fallback;

        var hidden = Size("embedding_length", LargestSize);
        var heads = Size("attention.head_count", LargestSize);
        var keyValueHeads = SizeOr("attention.head_count_kv", LargestSize, heads);
        if (heads % keyValueHeads != 0)
        {
            throw Contradiction(file, $"{architecture}.attention.head_count_kv", $"{heads} heads are no multiple of {keyValueHeads}");
        }

        if (!metadata.Contains($"{architecture}.attention.key_length") && hidden % heads != 0)
        {
            throw Contradiction(file, $"{architecture}.attention.head_count", $"{hidden} is no multiple of {heads} heads");
        }

        var headDimension = SizeOr("attention.key_length", LargestSize, hidden / heads);
        if (SizeOr("attention.value_length", LargestSize, headDimension) != headDimension)
        {
            throw Contradiction(file, $"{architecture}.attention.value_length", "keys and values of different sizes are not supported");
        }

        var rotary = SizeOr("rope.dimension_count", LargestSize, headDimension);
        if (rotary > headDimension || rotary % 2 != 0 || (adjacent && rotary != headDimension))
        {
            throw Contradiction(file, $"{architecture}.rope.dimension_count", $"{rotary} does not fit heads of {headDimension}");
        }

        var embedding = file.GetTensor("token_embd.weight");
        var vocabulary = embedding.Dimensions.Count == 2 ? embedding.Dimensions[1] : 0;
        if (vocabulary is < 1 or > int.MaxValue / 2)
        {
            throw new ModelFormatException(ModelFormatError.TensorShapeMismatch, file.Path, "not a matrix of [vocabulary, hidden]", embedding.Offset, tensor: embedding.Name);
        }

        if (metadata.TryGetStrings("tokenizer.ggml.tokens", out var tokens) && tokens.Length != vocabulary)
        {
            throw new ModelFormatException(ModelFormatError.VocabularyMismatch, file.Path, $"{tokens.Length} tokens, but {vocabulary} embeddings", key: "tokenizer.ggml.tokens");
        }

        return new DecoderDescription
        {
            Architecture = architecture,
            LayerCount = Size("block_count", MostLayers),
            HiddenSize = hidden,
            IntermediateSize = Size("feed_forward_length", LargestSize),
            HeadCount = heads,
            KeyValueHeadCount = keyValueHeads,
            HeadDimension = headDimension,
            VocabularySize = (int)vocabulary,
            ContextLength = Size("context_length", int.MaxValue / 2),
            RmsNormEpsilon = Positive(file, $"{architecture}.attention.layer_norm_rms_epsilon", null),
            RotaryBase = Positive(file, $"{architecture}.rope.freq_base", 10_000f),
            RotaryDimension = rotary,
            RotaryFactors = ReadFactors(file, rotary),
            FileHasAdjacentRotaryPairs = adjacent,
            HasAttentionBias = file.TryGetTensor("blk.0.attn_q.bias", out _),
            TiesEmbeddings = !file.TryGetTensor("output.weight", out _),
        };
    }

    private static float[] ReadFactors(GgufFile file, int rotary)
    {
        if (!file.TryGetTensor("rope_freqs.weight", out var tensor))
        {
            return [];
        }

        var factors = tensor.ElementCount == rotary / 2
            ? file.ReadSingles(tensor)
            : throw new ModelFormatException(ModelFormatError.TensorShapeMismatch, file.Path, $"{tensor.ElementCount} factors for {rotary / 2} pairs", tensor.Offset, tensor: tensor.Name);
        return Array.TrueForAll(factors, factor => float.IsFinite(factor) && factor > 0)
            ? factors
            : throw new ModelFormatException(ModelFormatError.NonFiniteValue, file.Path, "a rotary factor is not a positive number", tensor.Offset, tensor: tensor.Name);
    }

    private static float Positive(GgufFile file, string key, float? fallback)
    {
        var value = fallback is { } known && !file.Metadata.Contains(key) ? known : file.Metadata.GetSingle(key);
        return float.IsFinite(value) && value > 0 ? value : throw Contradiction(file, key, "not a positive number");
    }

    private static ModelFormatException Contradiction(GgufFile file, string key, string detail) =>
        new(ModelFormatError.SizeContradiction, file.Path, detail, key: key);
}

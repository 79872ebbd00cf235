using System.Globalization;
using System.Runtime.InteropServices;
using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Models;

/// <summary>Writes a decoder that was made here as a GGUF file: what <see cref="DecoderModel.Load"/> reads back, and other software too. Stateless.</summary>
public static class DecoderModelWriter
{
    /// <summary>Collects metadata and tensors; weights are read and rounded while the file is written, a row at a time.</summary>
    /// <param name="description">The sizes; without rotary factors.</param>
    /// <param name="weights">The weights; unchanged until the file is written.</param>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="chatTemplate">How conversations are written.</param>
    /// <param name="matrices">How the linear maps are stored.</param>
    /// <param name="embedding">How the embedding, and the output layer where there is one, are stored.</param>
    /// <param name="about">Further texts by key, such as <c>general.name</c> and <c>general.license</c>; written first.</param>
    /// <returns>The file, ready to be written.</returns>
    /// <exception cref="ArgumentException">Rows are not whole blocks of a type, or the model has rotary factors.</exception>
    public static GgufWriter Prepare(
        DecoderDescription description, DecoderWeights weights, TokenizerDefinition tokenizer, string chatTemplate, GgmlType matrices, GgmlType embedding, IReadOnlyDictionary<string, string> about)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(about);
        if (description.RotaryFactors.Count > 0)
        {
            throw new ArgumentException("rotary factors are not written", nameof(description));
        }

        var writer = new GgufWriter();
        writer.AddString("general.architecture", description.Architecture);
        foreach (var (key, value) in about)
        {
            writer.AddString(key, value);
        }

        AddSizes(writer, description);
        AddTokenizer(writer, tokenizer);
        writer.AddString("tokenizer.chat_template", chatTemplate);
        AddMatrix(writer, "token_embd.weight", weights.TokenEmbedding, embedding);
        AddVector(writer, "output_norm.weight", weights.OutputNorm);
        if (!description.TiesEmbeddings)
        {
            AddMatrix(writer, "output.weight", weights.OutputProjection, embedding);
        }

        for (var layer = 0; layer < description.LayerCount; layer++)
        {
            AddLayer(writer, string.Create(CultureInfo.InvariantCulture, $"blk.{layer}."), description, weights.Layers[layer], matrices);
        }

        return writer;
    }

    private static void AddSizes(GgufWriter writer, DecoderDescription d)
    {
        void Size(string name, int value) => writer.AddUInt32($"{d.Architecture}.{name}", (uint)value);
        Size("block_count", d.LayerCount);
        Size("context_length", d.ContextLength);
        Size("embedding_length", d.HiddenSize);
        Size("feed_forward_length", d.IntermediateSize);
        Size("attention.head_count", d.HeadCount);
        Size("attention.head_count_kv", d.KeyValueHeadCount);
        Size("attention.key_length", d.HeadDimension);
        Size("attention.value_length", d.HeadDimension);
        Size("rope.dimension_count", d.RotaryDimension);
        Size("vocab_size", d.VocabularySize);
        writer.AddSingle($"{d.Architecture}.rope.freq_base", d.RotaryBase);
        writer.AddSingle($"{d.Architecture}.attention.layer_norm_rms_epsilon", d.RmsNormEpsilon);
    }

    private static void AddTokenizer(GgufWriter writer, TokenizerDefinition tokenizer)
    {
        void Id(string name, int? value)
        {
            if (value is { } id)
            {
                writer.AddUInt32($"tokenizer.ggml.{name}_token_id", (uint)id);
            }
        }

        writer.AddString("tokenizer.ggml.model", tokenizer.Model);
        writer.AddString("tokenizer.ggml.pre", tokenizer.PreTokenizer);
        writer.AddStrings("tokenizer.ggml.tokens", [.. tokenizer.Tokens]);
        if (tokenizer.TokenTypes is { } types)
        {
            writer.AddArray<int>("tokenizer.ggml.token_type", [.. types.Select(type => (int)type)]);
        }

        writer.AddStrings("tokenizer.ggml.merges", [.. tokenizer.Merges]);
        Id("bos", tokenizer.BeginningOfText);
        Id("eos", tokenizer.EndOfText);
        Id("eot", tokenizer.EndOfTurn);
        writer.AddBoolean("tokenizer.ggml.add_bos_token", tokenizer.PrependsBeginningOfText);
    }

    private static void AddLayer(GgufWriter writer, string prefix, DecoderDescription d, DecoderLayerWeights layer, GgmlType type)
    {
        // Where the file has adjacent rotary pairs, its row (head, pair, half) is the half-split row (head, half, pair).
        int Adjacent(int row)
        {
            var within = row % d.HeadDimension;
            return row - within + (within % 2 * (d.HeadDimension / 2)) + (within / 2);
        }

        Func<int, int>? rotated = d.FileHasAdjacentRotaryPairs ? Adjacent : null;
        AddVector(writer, prefix + "attn_norm.weight", layer.AttentionNorm);
        foreach (var (name, module, bias) in new[] { ("attn_q", LinearModule.Query, layer.QueryBias), ("attn_k", LinearModule.Key, layer.KeyBias), ("attn_v", LinearModule.Value, layer.ValueBias) })
        {
            AddMatrix(writer, $"{prefix}{name}.weight", layer[module], type, module == LinearModule.Value ? null : rotated);
            if (bias is not null)
            {
                AddVector(writer, $"{prefix}{name}.bias", bias, module == LinearModule.Value ? null : rotated);
            }
        }

        AddMatrix(writer, prefix + "attn_output.weight", layer.Output, type);
        AddVector(writer, prefix + "ffn_norm.weight", layer.FeedForwardNorm);
        AddMatrix(writer, prefix + "ffn_gate.weight", layer.Gate, type);
        AddMatrix(writer, prefix + "ffn_up.weight", layer.Up, type);
        AddMatrix(writer, prefix + "ffn_down.weight", layer.Down, type);
    }

    private static void AddMatrix(GgufWriter writer, string name, PackedMatrix matrix, GgmlType type, Func<int, int>? sourceRow = null) =>
        writer.AddTensor(name, type, [matrix.Columns, matrix.Rows], stream =>
        {
            var values = new float[matrix.Columns];
            var bytes = new byte[BlockFormat.Of(type).GetByteLength(matrix.Columns)];
            for (var row = 0; row < matrix.Rows; row++)
            {
                matrix.ReadRow(sourceRow?.Invoke(row) ?? row, values);
                BlockCodec.Quantize(type, values, bytes);
                stream.Write(bytes);
            }
        });

    private static unsafe void AddVector(GgufWriter writer, string name, WeightVector vector, Func<int, int>? sourceRow = null)
    {
        var values = new float[vector.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = vector.Pointer[sourceRow?.Invoke(i) ?? i];
        }

        writer.AddTensor(name, GgmlType.F32, [vector.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }
}

using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Weights;

/// <summary>The order of all of a decoder's weights in one flat vector: embedding, output layer unless it is tied, last norm, then layer after layer.</summary>
internal sealed class WeightLayout
{
    private readonly List<WeightSlot> _all = [];

    public WeightLayout(DecoderDescription description)
    {
        Embedding = Matrix(description.VocabularySize, description.HiddenSize);
        Output = description.TiesEmbeddings ? Embedding : Matrix(description.VocabularySize, description.HiddenSize);
        OutputNorm = Vector(description.HiddenSize);
        Layers = [.. Enumerable.Range(0, description.LayerCount).Select(_ => Layer(description))];
    }

    public WeightSlot Embedding { get; }

    /// <summary>The embedding's own place where they are tied.</summary>
    public WeightSlot Output { get; }

    public WeightSlot OutputNorm { get; }

    public IReadOnlyList<LayerSlots> Layers { get; }

    /// <summary>How many parameters there are.</summary>
    public long Length { get; private set; }

    /// <summary>The linear maps of all layers.</summary>
    public IReadOnlyList<WeightSlot> Maps => [.. Layers.SelectMany(layer => layer.Maps)];

    /// <summary>Matrices decay; gains and biases, whose size says nothing about complexity, do not.</summary>
    public IReadOnlyList<ParameterGroup> Groups => [.. _all.Select(slot => new ParameterGroup(slot.Start, slot.Length, Decays: slot.IsMatrix))];

    private LayerSlots Layer(DecoderDescription description)
    {
        var maps = LoraConfiguration.AllTargets.Select(module =>
        {
            var (input, output) = description.GetShape(module);
            return Matrix(output, input);
        }).ToList();
        WeightSlot[] biases = description.HasAttentionBias ? [Vector(description.QuerySize), Vector(description.KeyValueSize), Vector(description.KeyValueSize)] : [];
        return new LayerSlots(Vector(description.HiddenSize), Vector(description.HiddenSize), maps, biases);
    }

    private WeightSlot Matrix(int rows, int columns) => Add(new WeightSlot(Length, rows, columns, IsMatrix: true));

    private WeightSlot Vector(int length) => Add(new WeightSlot(Length, 1, length, IsMatrix: false));

    private WeightSlot Add(WeightSlot slot)
    {
        _all.Add(slot);
        Length += slot.Length;
        return slot;
    }
}

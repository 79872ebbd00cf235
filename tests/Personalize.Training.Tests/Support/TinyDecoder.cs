using System.Runtime.InteropServices;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Training.Data;

namespace Personalize.Training.Tests.Support;

/// <summary>A decoder of a few thousand random weights with odd sizes, for tests that compare training with itself.</summary>
internal sealed class TinyDecoder : IDisposable
{
    private readonly Random _random = new(20240607);

    public TinyDecoder(bool bias = false, bool tied = false)
    {
        Description = new DecoderDescription
        {
            Architecture = "tiny",
            LayerCount = 3,
            HiddenSize = 20,
            IntermediateSize = 27,
            HeadCount = 4,
            KeyValueHeadCount = 2,
            HeadDimension = 6,
            VocabularySize = 37,
            ContextLength = 64,
            RmsNormEpsilon = 1e-5f,
            RotaryBase = 10_000,
            RotaryDimension = 6,
            FileHasAdjacentRotaryPairs = false,
            HasAttentionBias = bias,
            TiesEmbeddings = tied,
        };
        var layers = Enumerable.Range(0, Description.LayerCount).Select(_ => Layer(bias)).ToList();
        var embedding = Matrix(Description.VocabularySize, Description.HiddenSize);
        Weights = new DecoderWeights(embedding, layers, Vector(Description.HiddenSize, 1), tied ? embedding : Matrix(Description.VocabularySize, Description.HiddenSize));
    }

    public DecoderDescription Description { get; }

    public DecoderWeights Weights { get; }

    /// <summary>Examples of different lengths and prompts.</summary>
    public List<TrainingExample> Examples(int count)
    {
        var examples = new List<TrainingExample>();
        for (var i = 0; i < count; i++)
        {
            var ids = new int[3 + (i * 5 % 11)];
            for (var t = 0; t < ids.Length; t++)
            {
                ids[t] = _random.Next(Description.VocabularySize);
            }

            examples.Add(new TrainingExample(ids, 1 + (i % 3)));
        }

        return examples;
    }

    public void Dispose() => Weights.Dispose();

    private DecoderLayerWeights Layer(bool bias) => new()
    {
        AttentionNorm = Vector(Description.HiddenSize, 1),
        Query = Matrix(Description.QuerySize, Description.HiddenSize),
        Key = Matrix(Description.KeyValueSize, Description.HiddenSize),
        Value = Matrix(Description.KeyValueSize, Description.HiddenSize),
        QueryBias = bias ? Vector(Description.QuerySize, 0) : null,
        KeyBias = bias ? Vector(Description.KeyValueSize, 0) : null,
        ValueBias = bias ? Vector(Description.KeyValueSize, 0) : null,
        Output = Matrix(Description.HiddenSize, Description.QuerySize),
        FeedForwardNorm = Vector(Description.HiddenSize, 1),
        Gate = Matrix(Description.IntermediateSize, Description.HiddenSize),
        Up = Matrix(Description.IntermediateSize, Description.HiddenSize),
        Down = Matrix(Description.HiddenSize, Description.IntermediateSize),
    };

    private PackedMatrix Matrix(int rows, int columns)
    {
        var values = Values(rows * columns, 0, 1.5f / MathF.Sqrt(columns));
        return PackedMatrix.Pack(WeightFormat.Float32, MemoryMarshal.AsBytes<float>(values), rows, columns);
    }

    private WeightVector Vector(int length, float middle) => new(Values(length, middle, 0.5f));

    private float[] Values(int length, float middle, float spread)
    {
        var values = new float[length];
        for (var i = 0; i < length; i++)
        {
            values[i] = middle + (spread * ((2 * _random.NextSingle()) - 1));
        }

        return values;
    }
}

using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Training.Adapters;

namespace Personalize.Training.Tests.Support;

/// <summary>The adapters of the oracles: hashed values, the same as the scripts that made the golden gradients used.</summary>
internal static class OracleAdapter
{
    public static readonly string[] ModuleNames = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    public static TrainableAdapter Create(DecoderDescription description, LoraConfiguration configuration, float boundB, bool withGradients = true, DecoderWeights? weights = null) =>
        TrainableAdapter.FromAdapter(description, CreateData(description, configuration, boundB, weights), withGradients);

    /// <param name="description">The model's sizes.</param>
    /// <param name="configuration">What to adapt.</param>
    /// <param name="boundB">The bound of B.</param>
    /// <param name="weights">With DoRA the weights whose rows' lengths are the magnitudes: PEFT measures them while B is still zero. With biases the weights whose biases are moved a little.</param>
    public static LoraAdapter CreateData(DecoderDescription description, LoraConfiguration configuration, float boundB, DecoderWeights? weights = null)
    {
        var pairs = new List<LoraPair>();
        for (var layer = 0; layer < description.LayerCount; layer++)
        {
            foreach (var module in configuration.Targets)
            {
                var shape = ModuleShape.Of(description, module);
                var key = (ulong)((layer * 16) + ((int)module * 2));
                var rank = configuration.GetRank(layer, module);
                var a = new float[rank * shape.InputSize];
                var b = new float[rank * shape.OutputSize];
                UniformStream.Fill(a, key, (float)(1 / Math.Sqrt(shape.InputSize)));
                UniformStream.Fill(b, key + 1, boundB);
                var magnitudes = configuration.UseDora ? Magnitudes(weights!.Layers[layer][module]) : null;
                pairs.Add(new LoraPair(layer, module, rank, a, b, magnitudes, configuration.TrainsBiases && description.HasBias(module) ? Biases(weights!.Layers[layer].GetBias(module)!, key) : null));
            }
        }

        return new LoraAdapter(configuration, "oracle", pairs);
    }

    private static unsafe float[] Biases(WeightVector start, ulong key)
    {
        var biases = new float[start.Length];
        UniformStream.Fill(biases, key + (1 << 20), 0.3f);
        for (var n = 0; n < biases.Length; n++)
        {
            biases[n] += start.Pointer[n];
        }

        return biases;
    }

    private static float[] Magnitudes(PackedMatrix weight)
    {
        var row = new float[weight.Columns];
        return [.. Enumerable.Range(0, weight.Rows).Select(n =>
        {
            weight.ReadRow(n, row);
            return (float)Norm(row);
        })];
    }

    public static string Name(LoraPair pair, char which) => $"{pair.Layer}.{ModuleNames[(int)pair.Module]}.{which}";

    public static double Norm(ReadOnlySpan<float> values)
    {
        var sum = 0d;
        foreach (var value in values)
        {
            sum += (double)value * value;
        }

        return Math.Sqrt(sum);
    }

    /// <summary>The largest difference between the elements, as a fraction of the largest expected one.</summary>
    public static double RelativeError(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, largest = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs((double)expected[i] - actual[i]));
            largest = Math.Max(largest, Math.Abs((double)expected[i]));
        }

        return difference / largest;
    }
}

using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Adapters;

/// <summary>Models and adapters that the tests share.</summary>
internal static class AdapterSamples
{
    public const string Fingerprint = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";

    public static string SampleDirectory { get; } = Path.Combine(SharedFiles.Repository, "adapters", "sample");

    /// <summary>The shapes that <c>adapters/sample</c> is for.</summary>
    public static DecoderDescription Tiny { get; } = Describe(layers: 3, hidden: 64, intermediate: 160, heads: 4, keyValueHeads: 2, headDimension: 16);

    /// <summary><see cref="Tiny"/> with biases of queries, keys and values, as qwen2 has them.</summary>
    public static DecoderDescription Biased { get; } = Tiny with { Architecture = "qwen2", FileHasAdjacentRotaryPairs = false, HasAttentionBias = true };

    /// <summary>SmolLM2-135M.</summary>
    public static DecoderDescription SmolLm2 { get; } = Describe(layers: 30, hidden: 576, intermediate: 1536, heads: 9, keyValueHeads: 3, headDimension: 64);

    /// <summary>An adapter of <see cref="Tiny"/> whose every value tells its place.</summary>
    public static LoraAdapter Create(int seed = 1, bool rankStabilized = false, int rank = 2, params LinearModule[] targets)
    {
        var modules = targets.Length > 0 ? targets : [.. LoraConfiguration.AllTargets];
        var random = new Random(seed);
        var pairs = new List<LoraPair>();
        for (var layer = 0; layer < Tiny.LayerCount; layer++)
        {
            foreach (var module in modules)
            {
                var (input, output) = Tiny.GetShape(module);
                pairs.Add(new LoraPair(layer, module, rank, Values(rank * input), Values(output * rank)));
            }
        }

        return new LoraAdapter(new LoraConfiguration(rank, 4, rankStabilized, modules), Fingerprint, pairs);

        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
    }

    /// <summary>DoRA with a rank for one map of one layer and an alpha for one map of all.</summary>
    public static LoraAdapter CreateVaried(bool dora = true)
    {
        var configuration = new LoraConfiguration(2, 4, UseRankStabilizedScaling: false, LoraConfiguration.AllTargets)
        {
            UseDora = dora,
            Overrides = [new LoraOverride(1, LinearModule.Key, Rank: 3), new LoraOverride(null, LinearModule.Up, Alpha: 7)],
        };
        var random = new Random(5);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        var pairs =
            from layer in Enumerable.Range(0, Tiny.LayerCount)
            from module in LoraConfiguration.AllTargets
            let shape = Tiny.GetShape(module)
            let rank = layer == 1 && module == LinearModule.Key ? 3 : 2
            select new LoraPair(layer, module, rank, Values(rank * shape.Input), Values(shape.Output * rank), dora ? Values(shape.Output) : null);
        return new LoraAdapter(configuration, Fingerprint, [.. pairs]);
    }

    /// <summary>An adapter of <see cref="Biased"/> with trained biases, of queries, values and down projections.</summary>
    public static LoraAdapter CreateBiased(bool dora = false)
    {
        var random = new Random(6);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)];
        LinearModule[] targets = [LinearModule.Query, LinearModule.Value, LinearModule.Down];
        var pairs =
            from layer in Enumerable.Range(0, Biased.LayerCount)
            from module in targets
            let shape = Biased.GetShape(module)
            select new LoraPair(layer, module, 2, Values(2 * shape.Input), Values(shape.Output * 2), dora ? Values(shape.Output) : null, Biased.HasBias(module) ? Values(shape.Output) : null);
        return new LoraAdapter(new LoraConfiguration(2, 4, UseRankStabilizedScaling: false, targets) { UseDora = dora, TrainsBiases = true }, Fingerprint, [.. pairs]);
    }

    public static void AssertSame(LoraAdapter expected, LoraAdapter actual)
    {
        Assert.Equal(expected.BaseFingerprint, actual.BaseFingerprint);
        Assert.Equal(expected.Configuration.Scale, actual.Configuration.Scale);
        Assert.Equal(expected.Configuration.Targets, actual.Configuration.Targets);
        Assert.Equal(expected.Configuration.UseDora, actual.Configuration.UseDora);
        Assert.Equal(expected.Configuration.TrainsBiases, actual.Configuration.TrainsBiases);
        Assert.Equal(expected.Configuration.Overrides, actual.Configuration.Overrides);
        Assert.Equal(expected.Pairs.Count, actual.Pairs.Count);
        foreach (var (left, right) in expected.Pairs.Zip(actual.Pairs))
        {
            Assert.Equal((left.Layer, left.Module, left.Rank), (right.Layer, right.Module, right.Rank));
            Assert.Equal(left.A, right.A);
            Assert.Equal(left.B, right.B);
            Assert.Equal(left.Magnitude, right.Magnitude);
            Assert.Equal(left.Bias, right.Bias);
        }
    }

    private static DecoderDescription Describe(int layers, int hidden, int intermediate, int heads, int keyValueHeads, int headDimension) => new()
    {
        Architecture = "llama",
        LayerCount = layers,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        HeadCount = heads,
        KeyValueHeadCount = keyValueHeads,
        HeadDimension = headDimension,
        VocabularySize = 1024,
        ContextLength = 2048,
        RmsNormEpsilon = 1e-5f,
        RotaryBase = 10000,
        RotaryDimension = headDimension,
        FileHasAdjacentRotaryPairs = true,
        HasAttentionBias = false,
        TiesEmbeddings = true,
    };
}

using Personalize.Core.Adapters;
using Personalize.Core.Models;
using Personalize.Inference.Adapters;

namespace Personalize.Inference.Tests.Adapters;

/// <summary>Whatever changes what an adapter computes changes its fingerprint, and nothing else does.</summary>
public sealed class AdapterFingerprintTests
{
    private static readonly LoraConfiguration Plain = new(2, 4, UseRankStabilizedScaling: false, [LinearModule.Query, LinearModule.Key]);

    [Fact]
    public void The_order_of_pairs_and_how_a_scale_is_written_do_not_matter()
    {
        var expected = Of(Plain);
        Assert.Equal(expected, Of(Plain));
        Assert.Equal(expected, Of(Plain, reversed: true));
        Assert.Equal(expected, Of(Plain with { Alpha = 8, Overrides = [new LoraOverride(null, LinearModule.Query, Alpha: 4), new LoraOverride(null, LinearModule.Key, Alpha: 4)] }));
    }

    [Fact]
    public void Base_values_and_the_scale_of_any_pair_do()
    {
        var all = new[]
        {
            Of(Plain),
            Of(Plain, fingerprint: "other"),
            Of(Plain, value: 0.5f),
            Of(Plain with { Alpha = 8 }),
            Of(Plain with { UseRankStabilizedScaling = true }),
            Of(Plain with { Overrides = [new LoraOverride(0, LinearModule.Key, Alpha: 8)] }),
        };
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public void Magnitudes_do()
    {
        var dora = Plain with { UseDora = true };
        var all = new[] { Of(Plain), Of(dora, magnitude: 1), Of(dora, magnitude: 1.5f) };
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public void Biases_do_and_without_them_it_is_what_it_was()
    {
        var biased = Plain with { TrainsBiases = true };
        var all = new[] { Of(Plain), Of(biased, bias: 1), Of(biased, bias: 1.5f), Of(biased with { UseDora = true }, bias: 1), Of(Plain with { UseDora = true }) };
        Assert.Equal(all.Length, all.Distinct().Count());

        // SHA-256 of the documented text and values, worked out apart from this code.
        Assert.Equal("0b2bcd6c72538f9ef53645bedf486ce9e0739ed7c4edf25df4b7c6d81b8165fa", Of(Plain));
    }

    private static string Of(LoraConfiguration configuration, string fingerprint = "base", float value = 0.25f, float magnitude = 1, float bias = 1, bool reversed = false)
    {
        var pairs = configuration.Targets.Select(module => new LoraPair(
            0, module, 2, [value, 1, 2, 3], [4, 5, 6, 7], configuration.UseDora ? [magnitude, 1] : null, configuration.TrainsBiases ? [bias, 1] : null));
        return AdapterFingerprint.Of(new LoraAdapter(configuration, fingerprint, [.. reversed ? pairs.Reverse() : pairs]));
    }
}

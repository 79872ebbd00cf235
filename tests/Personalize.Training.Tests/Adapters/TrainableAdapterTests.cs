using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Training.Adapters;
using Personalize.Training.Tests.Support;

namespace Personalize.Training.Tests.Adapters;

public sealed class TrainableAdapterTests
{
    private static readonly LoraConfiguration Configuration = new(3, 6, false, [LinearModule.Down, LinearModule.Query]);

    [Fact]
    public void Starts_with_A_uniform_within_its_bound_and_B_zero()
    {
        using var model = new TinyDecoder();
        using var trainable = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, Configuration, 5);
        var adapter = trainable.ToAdapter("base");
        Assert.Equal("base", adapter.BaseFingerprint);
        Assert.Equal(TrainableAdapter.ParameterCount(model.Description, Configuration), trainable.Parameters.Length);
        Assert.Equal([(0, LinearModule.Query), (0, LinearModule.Down), (1, LinearModule.Query)], adapter.Pairs.Take(3).Select(p => (p.Layer, p.Module)));
        foreach (var pair in adapter.Pairs)
        {
            var bound = 1 / MathF.Sqrt(pair.InputSize);
            Assert.All(pair.A, a => Assert.InRange(a, -bound, bound));
            Assert.Contains(pair.A, a => a > bound / 2);
            Assert.Contains(pair.A, a => a < -bound / 2);
            Assert.All(pair.B, b => Assert.Equal(0, b));
        }
    }

    [Fact]
    public void The_seed_decides_the_start()
    {
        using var model = new TinyDecoder();
        Assert.Equal(Start(5), Start(5));
        Assert.NotEqual(Start(5), Start(6));

        float[] Start(ulong seed)
        {
            using var adapter = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, Configuration, seed);
            return adapter.Parameters.Span.ToArray();
        }
    }

    [Fact]
    public void An_adapter_comes_back_as_it_was()
    {
        using var model = new TinyDecoder();
        var adapter = OracleAdapter.CreateData(model.Description, Configuration with { Targets = [LinearModule.Query, LinearModule.Down] }, 0.5f);
        using var trainable = TrainableAdapter.FromAdapter(model.Description, adapter, withGradients: false);
        var copy = trainable.ToAdapter(adapter.BaseFingerprint);
        Assert.Equal(adapter.Pairs.Count, copy.Pairs.Count);
        for (var i = 0; i < copy.Pairs.Count; i++)
        {
            Assert.Equal(adapter.Pairs[i].A, copy.Pairs[i].A);
            Assert.Equal(adapter.Pairs[i].B, copy.Pairs[i].B);
        }
    }

    [Fact]
    public void Groups_of_lora_plus_cover_A_at_the_rate_and_B_and_magnitudes_at_a_multiple()
    {
        using var model = new TinyDecoder();
        using var adapter = OracleAdapter.Create(model.Description, Configuration with { UseDora = true, Targets = [LinearModule.Query, LinearModule.Down] }, 0.5f, weights: model.Weights);
        Assert.Equal(1, Assert.Single(adapter.Groups(1)).RateFactor);
        var factors = new double[adapter.Parameters.Length];
        foreach (var group in adapter.Groups(16))
        {
            Array.Fill(factors, group.RateFactor, (int)group.Start, (int)group.Length);
        }

        var expected = adapter.ToAdapter("base").Pairs.SelectMany(p => Enumerable.Repeat(1.0, p.A.Length).Concat(Enumerable.Repeat(16.0, p.B.Length + p.Magnitude!.Length)));
        Assert.Equal(expected, factors);
    }

    [Fact]
    public void A_pair_without_the_magnitudes_of_its_configuration_is_refused()
    {
        using var model = new TinyDecoder();
        var plain = OracleAdapter.CreateData(model.Description, Configuration, 0.5f);
        var dora = OracleAdapter.CreateData(model.Description, Configuration with { UseDora = true }, 0.5f, model.Weights);
        Assert.Throws<TensorShapeException>(() => TrainableAdapter.FromAdapter(model.Description, new LoraAdapter(dora.Configuration, "base", plain.Pairs), withGradients: false));
        Assert.Throws<TensorShapeException>(() => TrainableAdapter.FromAdapter(model.Description, new LoraAdapter(plain.Configuration, "base", dora.Pairs), withGradients: false));
    }

    [Fact]
    public void Biases_start_as_the_base_s_and_come_back_as_they_were()
    {
        using var model = new TinyDecoder(bias: true);
        var configuration = Configuration with { TrainsBiases = true };
        using var start = TrainableAdapter.Initialize(model.Description, model.Weights, pool: null, configuration, 5);
        foreach (var pair in start.ToAdapter("base").Pairs)
        {
            Assert.Equal(BiasOf(model, pair), pair.Bias);
        }

        var adapter = OracleAdapter.CreateData(model.Description, configuration with { UseDora = true }, 0.5f, model.Weights);
        using var trainable = TrainableAdapter.FromAdapter(model.Description, adapter, withGradients: true);
        using var half = trainable.WithOwnGradients(model.Description);
        foreach (var (expected, actual) in adapter.Pairs.OrderBy(pair => (pair.Layer, pair.Module)).Zip(half.ToAdapter("base").Pairs))
        {
            Assert.Equal(expected.Magnitude, actual.Magnitude);
            Assert.Equal(expected.Bias, actual.Bias);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    public void Biases_take_the_plain_rate_and_do_not_decay(double ratio)
    {
        using var model = new TinyDecoder(bias: true);
        using var adapter = OracleAdapter.Create(model.Description, Configuration with { UseDora = true, TrainsBiases = true, Targets = [LinearModule.Query, LinearModule.Down] }, 0.5f, weights: model.Weights);
        var settings = new (double Rate, bool Decays)[adapter.Parameters.Length];
        foreach (var group in adapter.Groups(ratio))
        {
            Array.Fill(settings, (group.RateFactor, group.Decays), (int)group.Start, (int)group.Length);
        }

        var expected = adapter.ToAdapter("base").Pairs.SelectMany(p =>
            Enumerable.Repeat((1.0, true), p.A.Length).Concat(Enumerable.Repeat((ratio, true), p.B.Length + p.Magnitude!.Length)).Concat(Enumerable.Repeat((1.0, false), p.Bias?.Length ?? 0)));
        Assert.Equal(expected, settings);
    }

    [Fact]
    public void A_bias_that_base_or_configuration_have_not_is_refused_and_one_that_both_have_is_asked_for()
    {
        using var model = new TinyDecoder(bias: true);
        using var bare = new TinyDecoder();
        var configuration = Configuration with { TrainsBiases = true };
        var (plain, biased) = (OracleAdapter.CreateData(model.Description, Configuration, 0.5f), OracleAdapter.CreateData(model.Description, configuration, 0.5f, model.Weights));
        Assert.Throws<TensorShapeException>(() => TrainableAdapter.FromAdapter(model.Description, new LoraAdapter(configuration, "base", plain.Pairs), withGradients: false));
        Assert.Throws<TensorShapeException>(() => TrainableAdapter.FromAdapter(model.Description, new LoraAdapter(Configuration, "base", biased.Pairs), withGradients: false));
        Assert.Throws<TensorShapeException>(() => TrainableAdapter.FromAdapter(bare.Description, biased, withGradients: false));
        using var none = TrainableAdapter.FromAdapter(bare.Description, new LoraAdapter(configuration, "base", plain.Pairs), withGradients: false);
        Assert.All(none.ToAdapter("base").Pairs, pair => Assert.Null(pair.Bias));
    }

    [Fact]
    public void A_pair_of_another_shape_or_layer_is_refused()
    {
        using var model = new TinyDecoder();
        foreach (var pair in new[] { new LoraPair(0, LinearModule.Query, 3, new float[3 * 21], new float[3 * 24]), new LoraPair(3, LinearModule.Query, 3, new float[60], new float[72]), new LoraPair(0, LinearModule.Query, 2, new float[40], new float[48]) })
        {
            Assert.Throws<TensorShapeException>(() => TrainableAdapter.FromAdapter(model.Description, new LoraAdapter(Configuration, "base", [pair]), withGradients: false));
        }
    }

    private static unsafe float[]? BiasOf(TinyDecoder model, LoraPair pair) =>
        model.Weights.Layers[pair.Layer].GetBias(pair.Module) is { } bias ? new ReadOnlySpan<float>(bias.Pointer, bias.Length).ToArray() : null;

    [Fact]
    public void The_generator_gives_the_documented_values()
    {
        var values = new float[3];
        UniformStream.Fill(values, 1, 1);

        // splitmix64 of 0xD1342543DE82EF95 + (i + 1) * 0x9E3779B97F4A7C15, top 24 bits, worked out apart from this code.
        Assert.Equal([15290882 / 16777216f, 8344412 / 16777216f, 11028964 / 16777216f], values);
    }
}

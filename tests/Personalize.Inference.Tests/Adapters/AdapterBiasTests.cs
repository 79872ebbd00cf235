using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Tests.Merging;

namespace Personalize.Inference.Tests.Adapters;

/// <summary>An adapter's biases take the place of the base's while it is attached, and no longer.</summary>
public sealed class AdapterBiasTests : IDisposable
{
    private static readonly int[] Ids = [3, 1, 4, 15, 9, 26, 5, 35, 8];
    private readonly TinyMerge _tiny = new(GgmlType.Q4_1, bias: true);

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData(ArithmeticPrecision.Single)]
    [InlineData(ArithmeticPrecision.Served)]
    public void Attached_and_detached_the_base_has_the_bits_it_had(ArithmeticPrecision precision)
    {
        using var attached = new AttachedAdapter(_tiny.Adapter, _tiny.Model);
        using var session = new DecoderSession(_tiny.Model, _tiny.Pool, new DecoderSessionOptions { ContextLength = 32, Precision = precision });
        var before = Logits(session);
        session.SwitchAdapter(attached);
        Assert.NotEqual(before, Logits(session));
        session.SwitchAdapter(null);
        Assert.Equal(before, Logits(session));
    }

    [Theory]
    [InlineData(ArithmeticPrecision.Single)]
    [InlineData(ArithmeticPrecision.Served)]
    public void An_adapter_that_changes_biases_alone_is_a_base_with_those_biases(ArithmeticPrecision precision)
    {
        var pairs = _tiny.Adapter.Pairs.Select(pair => new LoraPair(pair.Layer, pair.Module, pair.Rank, pair.A, new float[pair.B.Length], bias: pair.Bias)).ToArray();
        using var attached = new AttachedAdapter(new LoraAdapter(_tiny.Adapter.Configuration, _tiny.Model.Fingerprint, pairs), _tiny.Model);
        using var other = _tiny.Model.WithMatrices(
            new Dictionary<(int, LinearModule), PackedMatrix>(), pairs.Where(pair => pair.Bias is not null).ToDictionary(pair => (pair.Layer, pair.Module), pair => pair.Bias!));
        var options = new DecoderSessionOptions { ContextLength = 32, Precision = precision };
        using var served = new DecoderSession(_tiny.Model, _tiny.Pool, options, attached);
        using var expected = new DecoderSession(other, _tiny.Pool, options);
        Assert.Equal(Logits(expected), Logits(served));
        Assert.NotEqual(_tiny.Model.Fingerprint, other.Fingerprint);
    }

    [Fact]
    public void A_bias_that_base_or_configuration_have_not_is_refused_and_one_that_both_have_is_asked_for()
    {
        var adapter = _tiny.Adapter;
        var plain = RandomAdapter.Create(_tiny.Model, seed: 1);
        Assert.Throws<TensorShapeException>(() => new AttachedAdapter(new LoraAdapter(adapter.Configuration with { TrainsBiases = false }, adapter.BaseFingerprint, adapter.Pairs), _tiny.Model));
        Assert.Throws<TensorShapeException>(() => new AttachedAdapter(new LoraAdapter(plain.Configuration with { TrainsBiases = true }, plain.BaseFingerprint, plain.Pairs), _tiny.Model));
        using var bare = new TinyMerge(GgmlType.F16);
        Assert.Throws<TensorShapeException>(() => new AttachedAdapter(new LoraAdapter(adapter.Configuration, bare.Model.Fingerprint, adapter.Pairs), bare.Model));
        var biases = new Dictionary<(int, LinearModule), float[]> { [(0, LinearModule.Down)] = new float[64] };
        Assert.Throws<TensorShapeException>(() => _tiny.Model.WithMatrices(new Dictionary<(int, LinearModule), PackedMatrix>(), biases));
    }

    [Fact]
    public void Biases_have_no_sum()
    {
        var plain = RandomAdapter.Create(_tiny.Model, seed: 1);
        Assert.Contains("biases", Assert.Throws<ArgumentException>(() => AdapterSum.Of(new WeightedAdapter(plain, 1), new WeightedAdapter(_tiny.Adapter, 1))).Message, StringComparison.Ordinal);
    }

    private static float[] Logits(DecoderSession session)
    {
        var all = new List<float>();
        session.TruncateTo(0);
        session.Feed(Ids, (_, logits) => all.AddRange(logits), onHiddenState: null, CancellationToken.None);
        return [.. all];
    }
}

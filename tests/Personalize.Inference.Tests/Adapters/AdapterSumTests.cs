using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Decoding;
using Personalize.Inference.Tests.Merging;

namespace Personalize.Inference.Tests.Adapters;

public sealed class AdapterSumTests : IDisposable
{
    private const float ValueTolerance = 1e-6f;
    private const float LogitTolerance = 2e-4f;
    private static readonly int[] Ids = [3, 1, 4, 15, 9, 26, 5, 35, 8, 9, 7, 9, 32, 38, 46];
    private readonly TinyMerge _tiny = new(GgmlType.Q4_1);

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void The_update_of_a_sum_is_the_sum_of_the_updates()
    {
        var first = RandomAdapter.Create(_tiny.Model, seed: 1, rank: 3, alpha: 6);
        var second = RandomAdapter.Create(_tiny.Model, seed: 2, rank: 5, alpha: 20);
        var sum = AdapterSum.Of(new WeightedAdapter(first, 0.75f), new WeightedAdapter(second, -0.5f));
        Assert.Equal(8, sum.Configuration.Rank);
        Assert.Equal(1f, sum.Configuration.Scale);
        Assert.Equal(first.Pairs.Count, sum.Pairs.Count);
        for (var i = 0; i < sum.Pairs.Count; i++)
        {
            // Scales 6 / 3 and 20 / 5.
            var expected = Product(first.Pairs[i], 0.75 * 2).Zip(Product(second.Pairs[i], -0.5 * 4), (x, y) => x + y);
            Assert.All(expected.Zip(Product(sum.Pairs[i], 1)), pair => Assert.Equal(pair.First, pair.Second, ValueTolerance));
        }
    }

    [Theory]
    [InlineData(ArithmeticPrecision.Single)]
    [InlineData(ArithmeticPrecision.Served)]
    public void One_adapter_of_weight_one_is_itself_to_the_bit(ArithmeticPrecision precision)
    {
        var adapter = RandomAdapter.Create(_tiny.Model, seed: 1);
        Assert.Equal(Logits(adapter, precision), Logits(AdapterSum.Of(new WeightedAdapter(adapter, 1)), precision));
    }

    [Theory]
    [InlineData(ArithmeticPrecision.Single)]
    [InlineData(ArithmeticPrecision.Served)]
    public void A_weight_of_zero_changes_no_bit(ArithmeticPrecision precision)
    {
        var adapter = RandomAdapter.Create(_tiny.Model, seed: 1);
        var silent = RandomAdapter.Create(_tiny.Model, seed: 2);
        Assert.Equal(Logits(adapter, precision), Logits(AdapterSum.Of(new WeightedAdapter(adapter, 1), new WeightedAdapter(silent, 0)), precision));
        Assert.NotEqual(Logits(adapter, precision), Logits(AdapterSum.Of(new WeightedAdapter(adapter, 1), new WeightedAdapter(silent, 0.5f)), precision));
    }

    [Fact]
    public void Halves_of_an_adapter_make_the_whole()
    {
        var adapter = RandomAdapter.Create(_tiny.Model, seed: 1);
        var halves = AdapterSum.Of(new WeightedAdapter(adapter, 0.5f), new WeightedAdapter(adapter, 0.5f));
        Assert.All(Logits(adapter, ArithmeticPrecision.Single).Zip(Logits(halves, ArithmeticPrecision.Single)), pair => Assert.Equal(pair.First, pair.Second, LogitTolerance));
    }

    [Fact]
    public void Adapters_of_different_maps_keep_to_their_maps()
    {
        var query = RandomAdapter.Create(_tiny.Model, seed: 1, rank: 2, alpha: 2, LinearModule.Query);
        var down = RandomAdapter.Create(_tiny.Model, seed: 2, rank: 4, alpha: 4, LinearModule.Down, LinearModule.Query);
        var sum = AdapterSum.Of(new WeightedAdapter(down, 1), new WeightedAdapter(query, 1));
        Assert.Equal([LinearModule.Query, LinearModule.Down], sum.Configuration.Targets);
        Assert.Equal([(0, LinearModule.Query, 6), (0, LinearModule.Down, 4), (1, LinearModule.Query, 6), (1, LinearModule.Down, 4)], sum.Pairs.Select(pair => (pair.Layer, pair.Module, pair.Rank)));
        using var attached = new AttachedAdapter(sum, _tiny.Model);
        Assert.Null(attached[0, LinearModule.Key]);
    }

    [Fact]
    public void What_does_not_go_together_is_refused()
    {
        using var other = new TinyMerge(GgmlType.F16);
        var adapter = RandomAdapter.Create(_tiny.Model, seed: 1);
        Assert.Throws<AdapterMismatchException>(() => AdapterSum.Of(new WeightedAdapter(adapter, 1), new WeightedAdapter(other.Adapter, 1)));
        Assert.Throws<ArgumentException>(() => AdapterSum.Of());
        Assert.Throws<ArgumentException>(() => AdapterSum.Of(new WeightedAdapter(adapter, float.NaN)));
        var misfit = new LoraAdapter(adapter.Configuration, adapter.BaseFingerprint, [new LoraPair(0, LinearModule.Query, 1, new float[32], new float[64])]);
        Assert.Throws<TensorShapeException>(() => AdapterSum.Of(new WeightedAdapter(adapter, 1), new WeightedAdapter(misfit, 1)));
    }

    private static IEnumerable<float> Product(LoraPair pair, double scale)
    {
        for (var row = 0; row < pair.OutputSize; row++)
        {
            for (var column = 0; column < pair.InputSize; column++)
            {
                double sum = 0;
                for (var r = 0; r < pair.Rank; r++)
                {
                    sum += (double)pair.B[(row * pair.Rank) + r] * pair.A[(r * pair.InputSize) + column];
                }

                yield return (float)(scale * sum);
            }
        }
    }

    private float[] Logits(LoraAdapter adapter, ArithmeticPrecision precision)
    {
        using var attached = new AttachedAdapter(adapter, _tiny.Model);
        using var session = new DecoderSession(_tiny.Model, _tiny.Pool, new DecoderSessionOptions { Precision = precision }, attached);
        session.Prefill(Ids, CancellationToken.None);
        return session.Logits.ToArray();
    }
}

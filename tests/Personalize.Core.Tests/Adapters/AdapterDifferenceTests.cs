using Personalize.Core.Adapters;

namespace Personalize.Core.Tests.Adapters;

public class AdapterDifferenceTests
{
    private const int Digits = 12;

    [Fact]
    public void An_adapter_does_not_differ_from_itself()
    {
        var adapter = AdapterSamples.Create();
        var differences = AdapterDifference.Compare(adapter, adapter);
        Assert.Equal(adapter.Pairs.Count, differences.Count);
        foreach (var difference in differences)
        {
            Assert.Equal((0.0, 0.0), (difference.NormOfADifference, difference.NormOfBDifference));
            Assert.Equal(1, difference.UpdateCosine!.Value, Digits);
        }
    }

    [Fact]
    public void The_figures_are_those_worked_by_hand()
    {
        // B A = [[1, 2], [3, 6]] against [[2, 0], [0, 0]]: cosine = 2 / (sqrt(50) * 2).
        var left = Adapter([1, 2], [1, 3]);
        var right = Adapter([1, 0], [2, 0]);
        var difference = Assert.Single(AdapterDifference.Compare(left, right));
        Assert.Equal(2, difference.NormOfADifference!.Value, Digits);
        Assert.Equal(Math.Sqrt(10), difference.NormOfBDifference!.Value, Digits);
        Assert.Equal(1 / Math.Sqrt(50), difference.UpdateCosine!.Value, Digits);
    }

    [Fact]
    public void The_cosine_does_not_depend_on_how_a_product_is_split_nor_on_the_rank()
    {
        var left = Adapter([1, 2], [1, 3]);
        var scaled = Adapter([-2, -4], [-0.5f, -1.5f]);
        Assert.Equal(1, Assert.Single(AdapterDifference.Compare(left, scaled)).UpdateCosine!.Value, Digits);
        var wider = new LoraAdapter(new LoraConfiguration(2, 1, false, [LinearModule.Query]), "", [new LoraPair(0, LinearModule.Query, 2, [1, 2, 0, 0], [1, 5, 3, 7])]);
        var difference = Assert.Single(AdapterDifference.Compare(left, wider));
        Assert.Equal((null, null), (difference.NormOfADifference, difference.NormOfBDifference));
        Assert.Equal(1, difference.UpdateCosine!.Value, Digits);
    }

    [Fact]
    public void What_only_one_has_or_what_is_zero_has_no_figures()
    {
        var difference = AdapterDifference.Compare(AdapterSamples.Create(targets: LinearModule.Query), AdapterSamples.Create(targets: LinearModule.Key));
        Assert.Equal(6, difference.Count);
        Assert.All(difference, entry => Assert.Null(entry.UpdateCosine));
        Assert.Null(Assert.Single(AdapterDifference.Compare(Adapter([1, 2], [0, 0]), Adapter([1, 2], [1, 3]))).UpdateCosine);
    }

    private static LoraAdapter Adapter(float[] a, float[] b) => new(new LoraConfiguration(1, 1, false, [LinearModule.Query]), "", [new LoraPair(0, LinearModule.Query, 1, a, b)]);
}

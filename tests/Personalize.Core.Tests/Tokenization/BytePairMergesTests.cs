using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Tokenization;

namespace Personalize.Core.Tests.Tokenization;

public class BytePairMergesTests
{
    private const int Alphabet = 6;

    [Fact]
    public void TheStrongestPairGoesFirst_TheLeftmostAmongEquals()
    {
        // 1 2 -> 10 (strongest), 2 3 -> 11, 10 3 -> 12.
        var merges = new BytePairMerges(3);
        Assert.True(merges.TryAdd(1, 2, 10));
        Assert.True(merges.TryAdd(2, 3, 11));
        Assert.True(merges.TryAdd(10, 3, 12));
        Assert.Equal([12], Apply(merges, [1, 2, 3]));
        Assert.Equal([11], Apply(merges, [2, 3]));
        Assert.Equal([10, 12, 11, 1], Apply(merges, [1, 2, 1, 2, 3, 2, 3, 1]));
        Assert.False(merges.TryAdd(1, 2, 13));
    }

    [Fact]
    public void OverlappingPairsOfOneKind_MergeFromTheLeft()
    {
        var merges = new BytePairMerges(1);
        merges.TryAdd(1, 1, 2);
        Assert.Equal([2, 2, 1], Apply(merges, [1, 1, 1, 1, 1]));
        Assert.Equal([2, 2, 1], ApplyByQueue(merges, [1, 1, 1, 1, 1]));
    }

    [Fact]
    public void Queue_AgreesWithTheScan() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Choose(0, int.MaxValue).ToArbitrary(),
        Gen.Choose(0, Alphabet - 1).ArrayOf().Resize(200).ToArbitrary(),
        (seed, symbols) =>
        {
            var random = new Random(seed);
            var merges = new BytePairMerges(40);
            for (var product = Alphabet; product < Alphabet + 40; product++)
            {
                merges.TryAdd(random.Next(product), random.Next(product), product);
            }

            var scanned = symbols.ToArray();
            return scanned.AsSpan(0, merges.ApplyByScan(scanned)).SequenceEqual(ApplyByQueue(merges, symbols));
        }));

    private static int[] Apply(BytePairMerges merges, int[] symbols) => symbols[..merges.Apply(symbols)];

    private static int[] ApplyByQueue(BytePairMerges merges, int[] symbols)
    {
        var copy = symbols.ToArray();
        return copy[..merges.ApplyByQueue(copy)];
    }
}

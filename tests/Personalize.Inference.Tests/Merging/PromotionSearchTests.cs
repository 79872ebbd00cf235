using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Quantization;
using Personalize.Inference.Merging;

namespace Personalize.Inference.Tests.Merging;

public sealed class PromotionSearchTests
{
    [Fact]
    public void The_fewest_promotions_are_found_when_evaluations_suffice() =>
        Prop.ForAll(Gen.Choose(1, 400).SelectMany(count => Gen.Choose(0, count).Select(needed => (count, needed))).ToArbitrary(), sample =>
        {
            var evaluations = 0;
            var found = PromotionSearch.Find(sample.count, 0.95, 11, n =>
            {
                evaluations++;
                return n >= sample.needed ? 0.96 : 0.5;
            });
            return found == sample.needed && evaluations <= 11;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void With_few_evaluations_too_many_are_promoted_but_never_too_few() =>
        Assert.InRange(PromotionSearch.Find(100, 0.95, 3, n => n >= 30 ? 1 : 0), 30, 50);

    [Fact]
    public void All_are_promoted_where_the_target_is_out_of_reach() => Assert.Equal(17, PromotionSearch.Find(17, 0.95, 9, _ => 0.5));

    [Fact]
    public void Each_tensor_is_promoted_as_often_as_it_has_wider_types()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_0);
        var candidates = tiny.Adapter.Pairs.Select(pair => new MergeCandidate(tiny.Model, pair, 1)).ToList();
        var order = PromotionSearch.Order(candidates);
        Assert.Equal(2 * candidates.Count, order.Count);
        Assert.All(candidates, candidate => Assert.Equal(2, order.Count(step => ReferenceEquals(step, candidate))));
    }
}

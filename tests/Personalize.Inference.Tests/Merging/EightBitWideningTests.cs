using Personalize.Core.Adapters;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Quantization;
using Personalize.Inference.Merging;

namespace Personalize.Inference.Tests.Merging;

public sealed class EightBitWideningTests
{
    [Fact]
    public void The_loss_removed_a_byte_orders_and_the_limit_leaves_out_what_does_not_fit()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_0);
        var (query, value, gate, down) = (Candidate(tiny, LinearModule.Query), Candidate(tiny, LinearModule.Value), Candidate(tiny, LinearModule.Gate), Candidate(tiny, LinearModule.Down));

        // 16 bits for 4.5: 23/16 bytes more an element of 64 x 64, 32 x 64 and 96 x 64.
        Assert.Equal([5888, 2944, 8832, 8832], new[] { query, value, gate, down }.Select(candidate => candidate.BytesToWiden));
        (MergeCandidate, double)[] losses = [(query, 6), (value, 4), (gate, 8), (down, 30)];
        Assert.Equal([down, value, query, gate], EightBitWidening.Order(losses, double.PositiveInfinity));
        Assert.Equal([down, value], EightBitWidening.Order(losses, 8832 + 2944));
        Assert.Equal([value], EightBitWidening.Order(losses, 8831));
        Assert.Empty(EightBitWidening.Order(losses, 2943));
    }

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q8_0)]
    public void Without_a_limit_nothing_is_left_to_round_and_with_one_the_file_keeps_to_it(GgmlType type)
    {
        using var tiny = new TinyMerge(type);
        var small = Choose(tiny, double.PositiveInfinity, growth: 10);
        Assert.Equal(small.OriginalBytes, small.Bytes);
        Assert.Equal(small.NarrowEightBitKl, small.EightBitKl);
        Assert.True(small.EightBitKl > 0);

        // The output layer of this model is not quantized.
        var wide = Choose(tiny, 0, growth: 10);
        Assert.All(wide.Tensors, tensor => Assert.Equal(GgmlType.F16, tensor.Type));
        Assert.Equal(0, wide.EightBitKl);
        Assert.Equal(small.NarrowEightBitKl, wide.NarrowEightBitKl);

        var between = Choose(tiny, small.EightBitKl / 2, growth: 10);
        Assert.InRange(between.EightBitKl, 0, small.EightBitKl / 2);
        Assert.InRange(between.Bytes, small.Bytes + 1, wide.Bytes - 1);

        var limited = Choose(tiny, 0, growth: 0.5);
        Assert.InRange(limited.Bytes, small.Bytes + 1, 1.5 * small.Bytes);
        Assert.InRange(limited.EightBitKl, double.Epsilon, small.EightBitKl);
    }

    [Fact]
    public void The_file_holds_the_wider_types_and_computes_as_the_engine()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_1);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { GainToKeep = 0, MostEightBitKl = 0, MostEightBitGrowth = 1 });
        var report = merge.Choose(tiny.Texts(12, seed: 1), tiny.Texts(12, seed: 2));
        merge.WriteGguf(tiny.File("merged.gguf"), "one");
        using (var file = GgufFile.Open(tiny.File("merged.gguf")))
        {
            Assert.All(report.Tensors, tensor => Assert.Equal(tensor.Type, file.GetTensor(tensor.Name).Type));
        }

        Assert.Contains(report.Tensors, tensor => tensor.Type == GgmlType.F16);
        Assert.Contains(report.Tensors, tensor => tensor.Type == GgmlType.Q4_1);
        var narrow = Choose(tiny, double.PositiveInfinity, growth: 1);
        Assert.Equal(narrow.GainKept, report.NarrowGainKept);
        Assert.True(report.MeanKl < narrow.MeanKl, $"{report.MeanKl} from the attached adapter, {narrow.MeanKl} in the base's types");
        using var inMemory = merge.CreateModel();
        using var fromFile = TinyMerge.Load(tiny.File("merged.gguf"));
        Assert.Equal(tiny.Logits(inMemory, attached: false), tiny.Logits(fromFile, attached: false));
    }

    [Fact]
    public void Weights_that_are_not_quantized_lose_nothing()
    {
        using var tiny = new TinyMerge(GgmlType.F16);
        var report = Choose(tiny, 0, growth: 10);
        Assert.Equal(0, report.EightBitKl);
        Assert.Equal(report.OriginalBytes, report.Bytes);
    }

    private static MergeReport Choose(TinyMerge tiny, double kl, double growth)
    {
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { GainToKeep = 0, MostEightBitKl = kl, MostEightBitGrowth = growth });
        return merge.Choose(tiny.Texts(12, seed: 1), tiny.Texts(12, seed: 2));
    }

    private static MergeCandidate Candidate(TinyMerge tiny, LinearModule module) =>
        new(tiny.Model, tiny.Adapter.Pairs.First(pair => pair.Module == module), scale: 2) { Rung = 0 };
}

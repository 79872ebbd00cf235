using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.Inference.Adapters;
using Personalize.Inference.Merging;

namespace Personalize.Inference.Tests.Merging;

public sealed class AdapterMergeTests
{
    private const float LogitTolerance = 1e-3f;
    private const float ValueTolerance = 1e-6f;
    private const double NearlyAll = 0.95;

    [Theory]
    [InlineData(GgmlType.F32, false, false)]
    [InlineData(GgmlType.F16, false, false)]
    [InlineData(GgmlType.F32, true, false)]
    [InlineData(GgmlType.F32, false, true)]
    [InlineData(GgmlType.F32, true, true)]
    public void Merged_logits_of_unquantized_weights_equal_the_attached_ones(GgmlType type, bool dora, bool bias)
    {
        using var tiny = new TinyMerge(type, dora: dora, bias: bias);
        var expected = tiny.Logits(tiny.Model, attached: true);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        merge.WriteGguf(tiny.File("merged.gguf"), "one");
        using var inMemory = merge.CreateModel();
        using var fromFile = TinyMerge.Load(tiny.File("merged.gguf"));
        AssertClose(expected, tiny.Logits(inMemory, attached: false));
        Assert.Equal(tiny.Logits(inMemory, attached: false), tiny.Logits(fromFile, attached: false));

        // The adapter moves the logits far more than the tolerance, so the comparison says something.
        Assert.True(LargestDifference(expected, tiny.Logits(tiny.Model, attached: false)) > 100 * LogitTolerance);
    }

    [Fact]
    public void A_merged_file_holds_the_trained_biases_in_the_order_of_its_rows()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_1, bias: true);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        merge.WriteGguf(tiny.File("merged.gguf"), "one");
        using var merged = GgufFile.Open(tiny.File("merged.gguf"));
        foreach (var pair in tiny.Adapter.Pairs.Where(pair => pair.Bias is not null))
        {
            var tensor = merged.GetTensor(MergedTensorNames.OfBias(pair.Layer, pair.Module));
            Assert.Equal((GgmlType.F32, (long)pair.OutputSize), (tensor.Type, tensor.ElementCount));
            var rows = Enumerable.Range(0, pair.OutputSize).Select(row => pair.Module == LinearModule.Value ? row : MergedGgufFile.HalfSplitRow(row, TinyMerge.HeadDimension));
            Assert.Equal(rows.Select(row => pair.Bias![row]), merged.ReadSingles(tensor));
        }
    }

    [Fact]
    public void A_merged_file_holds_the_base_plus_the_product_of_the_adapter_as_llama_cpp_would_load_it()
    {
        using var tiny = new TinyMerge(GgmlType.F32);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        merge.WriteGguf(tiny.File("merged.gguf"), "one");
        GgufAdapter.Export(tiny.File("adapter.gguf"), tiny.Adapter, tiny.Model.Description);
        using var original = GgufFile.Open(tiny.BasePath);
        using var merged = GgufFile.Open(tiny.File("merged.gguf"));
        using var adapter = GgufFile.Open(tiny.File("adapter.gguf"));
        var alpha = adapter.Metadata.GetSingle("adapter.lora.alpha");
        foreach (var tensor in merged.Tensors)
        {
            if (!adapter.TryGetTensor(tensor.Name + ".lora_a", out var tensorA))
            {
                Assert.True(original.GetData(original.GetTensor(tensor.Name)).SequenceEqual(merged.GetData(tensor)), tensor.Name);
                continue;
            }

            var a = adapter.ReadSingles(tensorA);
            var b = adapter.ReadSingles(adapter.GetTensor(tensor.Name + ".lora_b"));
            var expected = original.ReadSingles(original.GetTensor(tensor.Name));
            var actual = merged.ReadSingles(tensor);
            var (columns, rank) = ((int)tensor.Dimensions[0], (int)tensorA.Dimensions[1]);
            for (var i = 0; i < expected.Length; i++)
            {
                for (var r = 0; r < rank; r++)
                {
                    expected[i] += alpha / rank * b[(i / columns * rank) + r] * a[(r * columns) + (i % columns)];
                }

                Assert.True(Math.Abs(expected[i] - actual[i]) <= ValueTolerance, $"{tensor.Name}, element {i}: {actual[i]}, expected {expected[i]}");
            }
        }
    }

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q4_1)]
    [InlineData(GgmlType.Q8_0)]
    public void A_merge_into_quantized_weights_keeps_what_was_asked_and_the_file_equals_the_engine(GgmlType type)
    {
        using var tiny = new TinyMerge(type);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { GainToKeep = NearlyAll });
        var report = merge.Choose(tiny.Texts(24, seed: 1), tiny.Texts(12, seed: 2));
        Assert.True(report.HasGain);
        Assert.True(report.GainKept >= NearlyAll, $"{report.GainKept} kept");
        Assert.InRange(report.MeanKl, 0, report.MaxKl);
        Assert.All(report.Tensors, tensor => Assert.True(tensor.Type == type || TypeLadder.From(type).Contains(tensor.Type)));
        Assert.Equal(report.Bytes, report.Tensors.Sum(tensor => tensor.Bytes));
        var bytes = merge.WriteGguf(tiny.File("merged.gguf"), "one");
        Assert.Equal(new FileInfo(tiny.BasePath).Length + report.Bytes - report.OriginalBytes, bytes, 1024d);
        using var inMemory = merge.CreateModel();
        using var fromFile = TinyMerge.Load(tiny.File("merged.gguf"));
        foreach (var precision in Enum.GetValues<ArithmeticPrecision>())
        {
            Assert.Equal(tiny.Logits(inMemory, attached: false, precision), tiny.Logits(fromFile, attached: false, precision));
        }
    }

    [Fact]
    public void Asking_for_more_costs_bytes_and_brings_the_logits_closer()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_1);
        var (calibration, judging) = (tiny.Texts(24, seed: 1), tiny.Texts(12, seed: 2));
        using var little = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { GainToKeep = 0, MostEightBitKl = double.PositiveInfinity });
        using var all = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { GainToKeep = 1, MostEightBitKl = double.PositiveInfinity });
        var narrow = little.Choose(calibration, judging);
        var wide = all.Choose(calibration, judging);
        Assert.Equal(narrow.OriginalBytes, narrow.Bytes);
        Assert.Equal(narrow.GainKept, narrow.NarrowGainKept, 1e-9);
        Assert.True(wide.Bytes > narrow.Bytes);
        Assert.True(wide.MeanKl < narrow.MeanKl);
    }

    [Fact]
    public void Where_there_is_no_gain_the_share_of_the_change_is_kept()
    {
        using var tiny = new TinyMerge(GgmlType.Q4_1);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        var report = merge.Choose([], tiny.Texts(12, seed: 3, byAdapted: false));
        Assert.False(report.HasGain);
        Assert.True(report.GainKept >= NearlyAll, $"{report.GainKept} kept");
    }

    [Theory]
    [InlineData(GgmlType.F32, false)]
    [InlineData(GgmlType.Q4_1, false)]
    [InlineData(GgmlType.Q4_1, true)]
    public void A_hundred_merges_and_attachments_leave_the_base_as_it_was(GgmlType type, bool bias)
    {
        using var tiny = new TinyMerge(type, bias: bias);
        var before = tiny.Logits(tiny.Model, attached: false, ArithmeticPrecision.Served);
        var fingerprint = tiny.Model.Fingerprint;
        float[]? first = null;
        for (var cycle = 0; cycle < 100; cycle++)
        {
            tiny.Logits(tiny.Model, attached: true, ArithmeticPrecision.Served);
            using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
            using var merged = merge.CreateModel();
            var logits = tiny.Logits(merged, attached: false, ArithmeticPrecision.Served);
            Assert.Equal(first ??= logits, logits);
            Assert.NotEqual(fingerprint, merged.Fingerprint);
        }

        Assert.Equal(before, tiny.Logits(tiny.Model, attached: false, ArithmeticPrecision.Served));
        Assert.Equal(fingerprint, tiny.Model.Fingerprint);
    }

    [Fact]
    public void A_merged_model_refuses_the_adapter_of_its_base()
    {
        using var tiny = new TinyMerge(GgmlType.Q8_0);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        using var merged = merge.CreateModel();
        Assert.Throws<AdapterMismatchException>(() => new AttachedAdapter(tiny.Adapter, merged));
        Assert.Throws<AdapterMismatchException>(() => new AdapterMerge(merged, tiny.Adapter, tiny.Pool));
    }

    [Fact]
    public void Metadata_is_copied_and_says_what_was_merged()
    {
        using var tiny = new TinyMerge(GgmlType.Q8_0);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        merge.WriteGguf(tiny.File("merged.gguf"), "00c0ffee");
        using var original = GgufFile.Open(tiny.BasePath);
        using var merged = GgufFile.Open(tiny.File("merged.gguf"));
        Assert.Equal("00c0ffee", merged.Metadata.GetString("personalize.merged_adapter"));
        Assert.Equal(original.Fingerprint, merged.Metadata.GetString("personalize.base_fingerprint"));
        Assert.Equal("tiny", merged.Metadata.GetString("general.base_model.0.name"));
        Assert.NotEqual(original.Fingerprint, merged.Fingerprint);
        Assert.Equal(original.Metadata.Keys, merged.Metadata.Keys.Take(original.Metadata.Count));
        Assert.Equal(original.Metadata.GetUInt32("llama.context_length"), merged.Metadata.GetUInt32("llama.context_length"));
    }

    [Fact]
    public void A_file_that_is_there_is_replaced_only_when_asked_and_never_the_base()
    {
        using var tiny = new TinyMerge(GgmlType.F32);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        var path = tiny.File("merged.gguf");
        File.WriteAllText(path, "mine");
        Assert.Equal(AdapterFormatError.AlreadyExists, Assert.Throws<AdapterFormatException>(() => merge.WriteGguf(path, "one")).Error);
        Assert.Equal("mine", File.ReadAllText(path));
        merge.WriteGguf(path, "one", overwrite: true);
        using (var file = GgufFile.Open(path))
        {
            Assert.Equal("one", file.Metadata.GetString("personalize.merged_adapter"));
        }

        Assert.Equal(AdapterFormatError.AlreadyExists, Assert.Throws<AdapterFormatException>(() => merge.WriteGguf(tiny.BasePath, "one", overwrite: true)).Error);
        Assert.Equal(AdapterFormatError.NotWritable, Assert.Throws<AdapterFormatException>(() => merge.WriteGguf(tiny.File("no/such/folder.gguf"), "one")).Error);
    }

    [Fact]
    public void An_adapter_whose_sum_leaves_the_range_is_refused_and_leaves_no_file()
    {
        using var tiny = new TinyMerge(GgmlType.F16);
        tiny.Adapter.Pairs[3].B[0] = 1e30f;
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        Assert.Equal(AdapterFormatError.NonFinite, Assert.Throws<AdapterFormatException>(merge.CreateModel).Error);
        Assert.Equal(AdapterFormatError.NonFinite, Assert.Throws<AdapterFormatException>(() => merge.WriteGguf(tiny.File("merged.gguf"), "one")).Error);
        Assert.Equal(["base.gguf"], tiny.FilesInFolder());
    }

    [Fact]
    public void A_base_file_that_changed_since_it_was_loaded_is_refused()
    {
        using var tiny = new TinyMerge(GgmlType.F32);
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        merge.WriteGguf(tiny.File("merged.gguf"), "one");
        File.Move(tiny.File("merged.gguf"), tiny.BasePath, overwrite: true);
        Assert.Throws<AdapterMismatchException>(() => merge.WriteGguf(tiny.File("again.gguf"), "one"));
    }

    [Fact]
    public void Options_and_texts_are_checked()
    {
        using var tiny = new TinyMerge(GgmlType.F32);
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { GainToKeep = double.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { MostEvaluations = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { MostEightBitKl = double.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool, new MergeOptions { MostEightBitGrowth = -1 }));
        using var merge = new AdapterMerge(tiny.Model, tiny.Adapter, tiny.Pool);
        Assert.Throws<ArgumentException>(() => merge.Choose([], []));
        Assert.Throws<ArgumentException>(() => merge.Choose([], [new MergeExample([1, 2, 3], 3)]));
        Assert.Throws<ContextLengthException>(() => merge.Choose([], [new MergeExample(new int[65], 1)]));
        Assert.ThrowsAny<OperationCanceledException>(() => merge.Choose([], [new MergeExample([1, 2, 3], 1)], progress: null, new CancellationToken(canceled: true)));
    }

    private static void AssertClose(float[] expected, float[] actual) => Assert.True(LargestDifference(expected, actual) <= LogitTolerance, $"largest difference {LargestDifference(expected, actual)}");

    private static float LargestDifference(float[] left, float[] right) => left.Zip(right, (x, y) => Math.Abs(x - y)).Max();
}

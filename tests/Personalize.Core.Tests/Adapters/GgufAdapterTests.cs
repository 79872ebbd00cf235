using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Gguf;
using Personalize.Core.Models;
using Personalize.Core.Quantization;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Adapters;

public sealed class GgufAdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static DecoderDescription OneLayer { get; } = AdapterSamples.SmolLm2 with { LayerCount = 1 };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_llama_cpp_converted_is_the_peft_adapter_in_half_precision()
        => AssertSameAsPeft(SharedFiles.Fixture("adapters/llama-f16.gguf"), SharedFiles.Fixture("adapters/peft"), OneLayer);

    [SharedFact("oracles/lora/adapter-f16.gguf")]
    public void The_whole_oracle_is_the_peft_adapter_in_half_precision()
        => AssertSameAsPeft(SharedFiles.Resolve("oracles/lora/adapter-f16.gguf"), SharedFiles.Resolve("oracles/lora/peft-adapter"), AdapterSamples.SmolLm2);

    [Fact]
    public void Our_export_has_the_tensors_llama_cpp_wrote()
        => AssertExportedAlike(SharedFiles.Fixture("adapters/llama-f16.gguf"), SharedFiles.Fixture("adapters/peft"), OneLayer);

    [SharedFact("oracles/lora/adapter-f16.gguf")]
    public void Our_export_has_all_the_tensors_llama_cpp_wrote()
        => AssertExportedAlike(SharedFiles.Resolve("oracles/lora/adapter-f16.gguf"), SharedFiles.Resolve("oracles/lora/peft-adapter"), AdapterSamples.SmolLm2);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_exported_imports_the_same(bool adjacent)
    {
        var model = AdapterSamples.Tiny with { FileHasAdjacentRotaryPairs = adjacent };
        var adapter = AdapterSamples.Create();
        GgufAdapter.Export(_folder["a.gguf"], adapter, model);
        AdapterSamples.AssertSame(adapter, GgufAdapter.Import(_folder["a.gguf"], model, AdapterSamples.Fingerprint));
    }

    [Fact]
    public void Rank_stabilized_scaling_keeps_its_scale()
    {
        const float RelativeTolerance = 1e-6f;
        var adapter = AdapterSamples.Create(rankStabilized: true);
        GgufAdapter.Export(_folder["a.gguf"], adapter, AdapterSamples.Tiny);
        var imported = GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, AdapterSamples.Fingerprint);
        Assert.False(imported.Configuration.UseRankStabilizedScaling);
        Assert.Equal(adapter.Configuration.Scale, imported.Configuration.Scale, adapter.Configuration.Scale * RelativeTolerance);
    }

    [Fact]
    public void Ranks_of_single_maps_stay_and_alphas_go_into_b()
    {
        var adapter = AdapterSamples.CreateVaried(dora: false);
        GgufAdapter.Export(_folder["a.gguf"], adapter, AdapterSamples.Tiny);
        var imported = GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, AdapterSamples.Fingerprint);
        Assert.Equal([new LoraOverride(1, LinearModule.Key, 3)], imported.Configuration.Overrides);
        foreach (var (left, right) in adapter.Pairs.Zip(imported.Pairs))
        {
            Assert.Equal((left.Layer, left.Module, left.Rank), (right.Layer, right.Module, right.Rank));
            var (ours, theirs) = (adapter.Configuration.GetScale(left.Layer, left.Module), imported.Configuration.GetScale(right.Layer, right.Module));
            Assert.Equal(left.A, right.A);
            Assert.Equal(left.B.Select(b => b * ours), right.B.Select(b => b * theirs), (x, y) => Math.Abs(x - y) <= 1e-6f);
        }
    }

    [Fact]
    public void Magnitudes_cannot_be_written()
    {
        var thrown = Assert.Throws<AdapterFormatException>(() => GgufAdapter.Export(_folder["a.gguf"], AdapterSamples.CreateVaried(), AdapterSamples.Tiny));
        Assert.Equal((AdapterFormatError.UnsupportedFeature, "use_dora"), (thrown.Error, thrown.Field));
    }

    [Fact]
    public void Biases_cannot_be_written()
    {
        var thrown = Assert.Throws<AdapterFormatException>(() => GgufAdapter.Export(_folder["a.gguf"], AdapterSamples.CreateBiased(), AdapterSamples.Biased));
        Assert.Equal((AdapterFormatError.UnsupportedFeature, "bias"), (thrown.Error, thrown.Field));
    }

    [Fact]
    public void The_rows_of_b_are_permuted_as_worked_by_hand()
    {
        // Two heads of four rows, rank 1: h0 = (0 1 | 2 3) becomes 0 2 1 3.
        float[] halfSplit = [0, 1, 2, 3, 10, 11, 12, 13];
        float[] adjacent = [0, 2, 1, 3, 10, 12, 11, 13];
        Assert.Equal(adjacent, RotaryOrder.ToAdjacent(halfSplit, heads: 2, rank: 1));
        Assert.Equal(halfSplit, RotaryOrder.ToHalfSplit(adjacent, heads: 2, rank: 1));
        Assert.Equal([0, 1, 4, 5, 2, 3, 6, 7], RotaryOrder.ToAdjacent([0, 1, 2, 3, 4, 5, 6, 7], heads: 1, rank: 2));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0f)]
    public void No_alpha_means_a_scale_of_one(float? alpha)
    {
        Write(writer =>
        {
            if (alpha is { } value)
            {
                writer.AddSingle("adapter.lora.alpha", value);
            }
        });
        Assert.Equal(1, GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, AdapterSamples.Fingerprint).Configuration.Scale);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(-1f)]
    [InlineData(float.PositiveInfinity)]
    public void An_alpha_out_of_range_is_refused(float alpha)
    {
        Write(writer => writer.AddSingle("adapter.lora.alpha", alpha));
        var thrown = Import();
        Assert.Equal((AdapterFormatError.FieldInvalid, "adapter.lora.alpha"), (thrown.Error, thrown.Field));
    }

    [Fact]
    public void Norms_are_passed_over_and_other_tensors_refused()
    {
        Write(writer => writer.AddTensor("blk.0.attn_norm.weight", GgmlType.F32, [64], new byte[256]));
        _ = GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, AdapterSamples.Fingerprint);
        foreach (var name in new[] { "token_embd.weight.lora_a", "blk.0.attn_q.lora_a", "blk.x.attn_q.weight.lora_a", "blk.0.attn_qkv.weight.lora_b", "blk..weight.lora_a", "blk.weight.lora_a" })
        {
            Write(writer => writer.AddTensor(name, GgmlType.F32, [64, 2], new byte[512]));
            var thrown = Import();
            Assert.Equal((AdapterFormatError.UnknownTensor, name), (thrown.Error, thrown.Tensor));
        }
    }

    [Fact]
    public void Another_kind_of_file_or_architecture_is_refused()
    {
        Write(_ => { }, type: "model");
        Assert.Equal("general.type", Import().Field);
        Write(_ => { }, adapterType: "dora");
        Assert.Equal(AdapterFormatError.UnsupportedFeature, Import().Error);
        Write(_ => { }, architecture: "qwen2");
        Assert.Equal(AdapterFormatError.OtherArchitecture, Import().Error);
        Write(_ => { }, targets: []);
        Assert.Equal(AdapterFormatError.MissingTensor, Import().Error);
    }

    [Fact]
    public void Wrong_shapes_types_and_values_are_refused_by_their_tensor()
    {
        Write(writer => writer.AddTensor("blk.0.attn_k.weight.lora_a", GgmlType.F32, [63, 2], new byte[504]));
        Assert.Equal((AdapterFormatError.ShapeMismatch, "blk.0.attn_k.weight.lora_a"), (Import().Error, Import().Tensor));
        Write(writer => writer.AddTensor("blk.0.attn_k.weight.lora_a", GgmlType.Q8_0, [64, 2], new byte[136]));
        Assert.Equal(AdapterFormatError.UnsupportedType, Import().Error);
        Write(writer => writer.AddTensor("blk.0.attn_k.weight.lora_a", GgmlType.F32, [64, 2], Enumerable.Repeat((byte)0xFF, 512).ToArray()));
        Assert.Equal(AdapterFormatError.NonFinite, Import().Error);
        Write(writer => writer.AddTensor("blk.0.attn_k.weight.lora_a", GgmlType.F32, [64, 2], new byte[512]));
        Assert.Equal((AdapterFormatError.MissingTensor, "blk.0.attn_k.weight.lora_b"), (Import().Error, Import().Tensor));
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused()
    {
        GgufAdapter.Export(_folder["a.gguf"], AdapterSamples.Create(), AdapterSamples.Tiny);
        Assert.Throws<AdapterMismatchException>(() => GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, "another"));
    }

    [Fact]
    public void Exporting_does_not_write_over_what_is_there_unless_asked()
    {
        GgufAdapter.Export(_folder["a.gguf"], AdapterSamples.Create(seed: 1), AdapterSamples.Tiny);
        Assert.Equal(AdapterFormatError.AlreadyExists, Assert.Throws<AdapterFormatException>(() => GgufAdapter.Export(_folder["a.gguf"], AdapterSamples.Create(seed: 2), AdapterSamples.Tiny)).Error);
        GgufAdapter.Export(_folder["a.gguf"], AdapterSamples.Create(seed: 2), AdapterSamples.Tiny, overwrite: true);
        AdapterSamples.AssertSame(AdapterSamples.Create(seed: 2), GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, AdapterSamples.Fingerprint));
        Assert.Equal(AdapterFormatError.NotWritable, Assert.Throws<AdapterFormatException>(() => GgufAdapter.Export(_folder["nowhere/a.gguf"], AdapterSamples.Create(), AdapterSamples.Tiny)).Error);
        Assert.Equal(AdapterFormatError.ShapeMismatch, Assert.Throws<AdapterFormatException>(() => GgufAdapter.Export(_folder["b.gguf"], AdapterSamples.Create(), AdapterSamples.SmolLm2)).Error);
    }

    private AdapterFormatException Import()
        => Assert.Throws<AdapterFormatException>(() => GgufAdapter.Import(_folder["a.gguf"], AdapterSamples.Tiny, AdapterSamples.Fingerprint));

    /// <summary>A file with pairs for queries, or the targets given, and what a test adds.</summary>
    private void Write(Action<GgufWriter> add, string type = "adapter", string adapterType = "lora", string architecture = "llama", LinearModule[]? targets = null)
    {
        var writer = new GgufWriter();
        writer.AddString("general.architecture", architecture);
        writer.AddString("general.type", type);
        writer.AddString("adapter.type", adapterType);
        foreach (var module in targets ?? [LinearModule.Query])
        {
            var (input, output) = AdapterSamples.Tiny.GetShape(module);
            for (var layer = 0; layer < AdapterSamples.Tiny.LayerCount; layer++)
            {
                var name = $"blk.{layer}.{AdapterModules.GgufName(module)}.weight.lora_";
                writer.AddTensor(name + "a", GgmlType.F32, [input, 2], new byte[input * 2 * sizeof(float)]);
                writer.AddTensor(name + "b", GgmlType.F32, [2, output], new byte[output * 2 * sizeof(float)]);
            }
        }

        add(writer);
        using var stream = File.Create(_folder["a.gguf"]);
        writer.Write(stream);
    }

    private static void AssertSameAsPeft(string gguf, string peft, DecoderDescription model)
    {
        var expected = PeftAdapter.Import(peft, model, AdapterSamples.Fingerprint);
        foreach (var values in expected.Pairs.SelectMany(pair => new[] { pair.A, pair.B }))
        {
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (float)(Half)values[i];
            }
        }

        AdapterSamples.AssertSame(expected, GgufAdapter.Import(gguf, model, AdapterSamples.Fingerprint));
    }

    private void AssertExportedAlike(string gguf, string peft, DecoderDescription model)
    {
        GgufAdapter.Export(_folder["a.gguf"], PeftAdapter.Import(peft, model, AdapterSamples.Fingerprint), model, GgmlType.F16);
        using var theirs = GgufFile.Open(gguf);
        using var ours = GgufFile.Open(_folder["a.gguf"]);
        Assert.Equal(theirs.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), ours.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in theirs.Tensors)
        {
            var other = ours.GetTensor(tensor.Name);
            Assert.Equal((tensor.Type, string.Join(',', tensor.Dimensions)), (other.Type, string.Join(',', other.Dimensions)));
            Assert.True(theirs.GetData(tensor).SequenceEqual(ours.GetData(other)), tensor.Name);
        }

        foreach (var key in new[] { "general.architecture", "general.type", "adapter.type" })
        {
            Assert.Equal(theirs.Metadata.GetString(key), ours.Metadata.GetString(key));
        }

        Assert.Equal(theirs.Metadata.GetSingle("adapter.lora.alpha"), ours.Metadata.GetSingle("adapter.lora.alpha"));
    }
}

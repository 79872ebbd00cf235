using System.Text.Json.Nodes;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Models;
using Personalize.Core.Security;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Adapters;

public sealed class PeftAdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static DecoderDescription OneLayer { get; } = AdapterSamples.SmolLm2 with { LayerCount = 1 };

    private string Weights => _folder["adapter/adapter_model.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_sample_has_the_weights_its_script_gave_it()
    {
        var adapter = PeftAdapter.Import(AdapterSamples.SampleDirectory, AdapterSamples.Tiny, AdapterSamples.Fingerprint);
        Assert.Equal((2, 4f, 2f), (adapter.Configuration.Rank, adapter.Configuration.Alpha, adapter.Configuration.Scale));
        Assert.Equal(LoraConfiguration.AllTargets, adapter.Configuration.Targets);
        var order = adapter.Pairs.Select(pair => (pair.Layer, (int)pair.Module));
        Assert.Equal(order.Order(), order);
        Assert.Equal(3 * 7, adapter.Pairs.Count);
        foreach (var pair in adapter.Pairs)
        {
            for (var i = 0; i < pair.A.Length; i++)
            {
                Assert.Equal((float)(0.01 * Math.Sin(1 + (7 * pair.Layer) + (int)pair.Module + (0.1 * i))), pair.A[i], 1e-9f);
            }

            for (var i = 0; i < pair.B.Length; i++)
            {
                Assert.Equal((float)(0.01 * Math.Sin(2 + (7 * pair.Layer) + (int)pair.Module + (0.1 * i))), pair.B[i], 1e-9f);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_exported_imports_the_same(bool rankStabilized)
    {
        var adapter = AdapterSamples.Create(rankStabilized: rankStabilized);
        PeftAdapter.Export(_folder["adapter"], adapter);
        var imported = PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint);
        AdapterSamples.AssertSame(adapter, imported);
        Assert.Equal(rankStabilized, imported.Configuration.UseRankStabilizedScaling);
        Assert.Equal(["adapter"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Magnitudes_ranks_and_alphas_of_single_maps_come_back(bool dora)
    {
        var adapter = AdapterSamples.CreateVaried(dora);
        PeftAdapter.Export(_folder["adapter"], adapter);
        AdapterSamples.AssertSame(adapter, PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint));
        var configuration = ReadConfiguration(_folder["adapter"]);
        Assert.Equal(dora, (bool)configuration["use_dora"]!);
        Assert.Equal("""{"layers.1.self_attn.k_proj":3}""", configuration["rank_pattern"]!.ToJsonString());
        Assert.Equal("""{"up_proj":7}""", configuration["alpha_pattern"]!.ToJsonString());
        using var file = SafetensorsFile.Open(Weights);
        Assert.Equal(dora, file.TryGetTensor("base_model.model.model.layers.2.mlp.down_proj.lora_magnitude_vector", out var magnitude));
        Assert.True(!dora || magnitude!.Shape.SequenceEqual([64L]));
    }

    [Fact]
    public void Magnitudes_must_be_there_with_dora_and_not_without()
    {
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.CreateVaried());
        Change(false);
        Assert.Equal(AdapterFormatError.UnknownTensor, Import(_folder["adapter"]).Error);
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.CreateVaried(dora: false), overwrite: true);
        Change(true);
        Assert.Equal(AdapterFormatError.MissingTensor, Import(_folder["adapter"]).Error);

        void Change(bool dora)
        {
            var configuration = ReadConfiguration(_folder["adapter"]);
            configuration["use_dora"] = dora;
            File.WriteAllText(_folder["adapter/adapter_config.json"], configuration.ToJsonString());
        }
    }

    [Theory]
    [InlineData("q_proj", null, LinearModule.Query)]
    [InlineData("mlp.up_proj", null, LinearModule.Up)]
    [InlineData("layers.12.self_attn.v_proj", 12, LinearModule.Value)]
    [InlineData("model.layers.0.mlp.down_proj", 0, LinearModule.Down)]
    [InlineData("^model.layers.0.mlp.down_proj", 0, LinearModule.Down)]
    public void Plain_pattern_keys_are_read(string key, int? layer, LinearModule module)
    {
        Assert.True(AdapterPatterns.TryParse(key, out var l, out var m));
        Assert.Equal((layer, module), (l, m));
    }

    [Theory]
    [InlineData("layers.x.self_attn.v_proj")]
    [InlineData("layers.-1.self_attn.v_proj")]
    [InlineData("layers.1")]
    [InlineData("layers.1.v_proj")]
    [InlineData("(q|v)_proj")]
    [InlineData("")]
    public void Other_pattern_keys_are_not(string key) => Assert.False(AdapterPatterns.TryParse(key, out _, out _));

    [Fact]
    public void What_peft_saved_comes_out_equal_tensor_by_tensor() => AssertRoundTrip(SharedFiles.Fixture("adapters/peft"), OneLayer);

    [SharedFact("oracles/lora/peft-adapter")]
    public void The_whole_oracle_comes_out_equal_tensor_by_tensor() => AssertRoundTrip(SharedFiles.Resolve("oracles/lora/peft-adapter"), AdapterSamples.SmolLm2);

    [Fact]
    public void Our_configuration_says_nothing_that_pefts_does_not()
    {
        PeftAdapter.Export(_folder["adapter"], PeftAdapter.Import(SharedFiles.Fixture("adapters/peft"), OneLayer, AdapterSamples.Fingerprint));
        var ours = ReadConfiguration(_folder["adapter"]);
        var theirs = ReadConfiguration(SharedFiles.Fixture("adapters/peft"));
        foreach (var (name, value) in ours)
        {
            Assert.True(theirs.ContainsKey(name), name);
            Assert.True(JsonNode.DeepEquals(theirs[name], value) || name == "lora_dropout", name);
        }
    }

    [Fact]
    public void Half_precision_is_widened_exactly()
    {
        var adapter = AdapterSamples.Create();
        foreach (var type in new[] { SafetensorsType.F16, SafetensorsType.BF16 })
        {
            Write(adapter, type: type);
            var imported = PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint);
            var expected = type == SafetensorsType.F16 ? (float)(Half)adapter.Pairs[0].A[0] : BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(imported.Pairs[0].A[0]) & 0xFFFF0000u);
            Assert.Equal(expected, imported.Pairs[0].A[0]);
            Assert.Equal(adapter.Pairs[0].A[0], imported.Pairs[0].A[0], 4e-3f);
        }
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused()
    {
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.Create());
        var thrown = Assert.Throws<AdapterMismatchException>(() => PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, "another"));
        Assert.Equal((AdapterSamples.Fingerprint, "another"), (thrown.AdapterBaseFingerprint, thrown.ModelFingerprint));
    }

    [Fact]
    public void Shapes_of_another_base_are_refused()
    {
        Assert.Equal(AdapterFormatError.ShapeMismatch, Import(AdapterSamples.SampleDirectory, AdapterSamples.Tiny with { HiddenSize = 32 }).Error);
        Assert.Equal(AdapterFormatError.UnknownTensor, Import(AdapterSamples.SampleDirectory, AdapterSamples.Tiny with { LayerCount = 2 }).Error);
        Assert.Equal(AdapterFormatError.MissingTensor, Import(AdapterSamples.SampleDirectory, AdapterSamples.Tiny with { LayerCount = 4 }).Error);
    }

    [Theory]
    [InlineData("use_dora", "1", AdapterFormatError.FieldInvalid)]
    [InlineData("bias", "\"all\"", AdapterFormatError.UnsupportedFeature)]
    [InlineData("modules_to_save", "[\"lm_head\"]", AdapterFormatError.UnsupportedFeature)]
    [InlineData("rank_pattern", "{\"q_.*\":4}", AdapterFormatError.FieldInvalid)]
    [InlineData("rank_pattern", "{\"q_proj\":0}", AdapterFormatError.RankOutOfRange)]
    [InlineData("rank_pattern", "{\"q_proj\":\"4\"}", AdapterFormatError.FieldInvalid)]
    [InlineData("rank_pattern", "[4]", AdapterFormatError.FieldInvalid)]
    [InlineData("rank_pattern", "{\"q_proj\":4}", AdapterFormatError.ShapeMismatch)]
    [InlineData("alpha_pattern", "{\"lm_head\":4}", AdapterFormatError.FieldInvalid)]
    [InlineData("alpha_pattern", "{\"q_proj\":-4}", AdapterFormatError.FieldInvalid)]
    [InlineData("fan_in_fan_out", "true", AdapterFormatError.UnsupportedFeature)]
    [InlineData("layers_to_transform", "[0]", AdapterFormatError.UnsupportedFeature)]
    [InlineData("layer_replication", "[[0,1]]", AdapterFormatError.UnsupportedFeature)]
    [InlineData("init_lora_weights", "\"pissa\"", AdapterFormatError.UnsupportedFeature)]
    [InlineData("task_type", "\"SEQ_CLS\"", AdapterFormatError.UnsupportedFeature)]
    [InlineData("peft_type", "\"LOHA\"", AdapterFormatError.UnsupportedFeature)]
    [InlineData("something_new", "1", AdapterFormatError.UnsupportedFeature)]
    [InlineData("r", "0", AdapterFormatError.RankOutOfRange)]
    [InlineData("r", "-1", AdapterFormatError.RankOutOfRange)]
    [InlineData("r", "1025", AdapterFormatError.RankOutOfRange)]
    [InlineData("r", "1e30", AdapterFormatError.FieldInvalid)]
    [InlineData("r", "\"8\"", AdapterFormatError.FieldInvalid)]
    [InlineData("r", "4", AdapterFormatError.ShapeMismatch)]
    [InlineData("lora_alpha", "0", AdapterFormatError.FieldInvalid)]
    [InlineData("lora_alpha", "1e300", AdapterFormatError.FieldInvalid)]
    [InlineData("lora_alpha", "null", AdapterFormatError.FieldInvalid)]
    [InlineData("use_rslora", "1", AdapterFormatError.FieldInvalid)]
    [InlineData("target_modules", "\".*\"", AdapterFormatError.FieldInvalid)]
    [InlineData("target_modules", "[]", AdapterFormatError.FieldInvalid)]
    [InlineData("target_modules", "[\"q_proj\",\"q_proj\"]", AdapterFormatError.FieldInvalid)]
    [InlineData("target_modules", "[\"lm_head\"]", AdapterFormatError.FieldInvalid)]
    [InlineData("target_modules", "[null]", AdapterFormatError.FieldInvalid)]
    [InlineData("target_modules", "[\"q_proj\"]", AdapterFormatError.UnknownTensor)]
    public void A_configuration_that_is_not_plain_lora_is_refused_by_its_field(string field, string value, AdapterFormatError error)
    {
        var configuration = CopySample();
        configuration[field] = JsonNode.Parse(value);
        File.WriteAllText(_folder["adapter/adapter_config.json"], configuration.ToJsonString());
        var thrown = Import(_folder["adapter"]);
        Assert.Equal(error, thrown.Error);
        if (error is not (AdapterFormatError.ShapeMismatch or AdapterFormatError.UnknownTensor))
        {
            Assert.Equal(field, thrown.Field);
            Assert.Contains(field, thrown.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("peft_type")]
    [InlineData("r")]
    [InlineData("lora_alpha")]
    [InlineData("target_modules")]
    public void A_missing_field_is_named(string field)
    {
        var configuration = CopySample();
        configuration.Remove(field);
        File.WriteAllText(_folder["adapter/adapter_config.json"], configuration.ToJsonString());
        var thrown = Import(_folder["adapter"]);
        Assert.Equal((AdapterFormatError.FieldInvalid, field), (thrown.Error, thrown.Field));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("{\"r\":1,\"r\":1}")]
    [InlineData("{\"\\ud800\":1}")]
    public void A_configuration_that_is_no_json_object_is_refused(string content)
    {
        CopySample();
        File.WriteAllText(_folder["adapter/adapter_config.json"], content);
        Assert.Equal(AdapterFormatError.ConfigurationMalformed, Import(_folder["adapter"]).Error);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        Assert.Equal(AdapterFormatError.FileMissing, Import(_folder["nowhere"]).Error);
        CopySample();
        File.Delete(Weights);
        Assert.Throws<ModelFormatException>(() => PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_weight_that_is_not_finite_is_refused_by_its_tensor(float value)
    {
        var adapter = AdapterSamples.Create();
        adapter.Pairs[^1].B[^1] = value;
        Write(adapter);
        var thrown = Import(_folder["adapter"]);
        Assert.Equal((AdapterFormatError.NonFinite, "base_model.model.model.layers.2.mlp.down_proj.lora_B.weight"), (thrown.Error, thrown.Tensor));
    }

    [Theory]
    [InlineData("base_model.model.lm_head.lora_A.weight")]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector.weight")]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight")]
    [InlineData("base_model.model.model.layers.-1.self_attn.q_proj.lora_A.weight")]
    [InlineData("base_model.model.model.layers.99999999999.self_attn.q_proj.lora_A.weight")]
    [InlineData("base_model.model.model.layers..lora_A.weight")]
    [InlineData("base_model.model.model.layers.lora_A.weight")]
    [InlineData("base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight")]
    public void A_tensor_of_another_name_is_refused(string name)
    {
        Write(AdapterSamples.Create(), writer => writer.AddTensor(name, SafetensorsType.F32, [2, 64], new float[128]));
        var thrown = Import(_folder["adapter"]);
        Assert.Equal((AdapterFormatError.UnknownTensor, name), (thrown.Error, thrown.Tensor));
    }

    [Fact]
    public void Exporting_does_not_write_over_what_is_there_unless_asked()
    {
        Directory.CreateDirectory(_folder["adapter"]);
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.Create(seed: 1));
        Assert.Equal(AdapterFormatError.AlreadyExists, Assert.Throws<AdapterFormatException>(() => PeftAdapter.Export(_folder["adapter"], AdapterSamples.Create(seed: 2))).Error);
        AdapterSamples.AssertSame(AdapterSamples.Create(seed: 1), PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint));
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.Create(seed: 2), overwrite: true);
        AdapterSamples.AssertSame(AdapterSamples.Create(seed: 2), PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(DurableFile.OwnerOnlyDirectory, File.GetUnixFileMode(_folder["adapter"]));
            Assert.Equal(DurableFile.OwnerOnlyFile, File.GetUnixFileMode(Weights));
        }
    }

    [Fact]
    public void Exporting_where_nothing_can_be_written_is_a_typed_error()
    {
        File.WriteAllText(_folder["file"], "");
        Assert.Equal(AdapterFormatError.NotWritable, Assert.Throws<AdapterFormatException>(() => PeftAdapter.Export(_folder["file/adapter"], AdapterSamples.Create())).Error);
        Assert.Equal(AdapterFormatError.AlreadyExists, Assert.Throws<AdapterFormatException>(() => PeftAdapter.Export(_folder["file"], AdapterSamples.Create(), overwrite: true)).Error);
    }

    private static JsonObject ReadConfiguration(string directory) => JsonNode.Parse(File.ReadAllText(Path.Combine(directory, "adapter_config.json")))!.AsObject();

    private static AdapterFormatException Import(string directory, DecoderDescription? model = null)
        => Assert.Throws<AdapterFormatException>(() => PeftAdapter.Import(directory, model ?? AdapterSamples.Tiny, AdapterSamples.Fingerprint));

    private JsonObject CopySample()
    {
        Directory.CreateDirectory(_folder["adapter"]);
        foreach (var file in new[] { PeftAdapter.ConfigurationFile, PeftAdapter.WeightsFile })
        {
            File.Copy(Path.Combine(AdapterSamples.SampleDirectory, file), _folder["adapter/" + file]);
        }

        return ReadConfiguration(_folder["adapter"]);
    }

    /// <summary>Writes an adapter in an order and type of its own, with what a test adds.</summary>
    private void Write(LoraAdapter adapter, Action<SafetensorsWriter>? add = null, SafetensorsType type = SafetensorsType.F32)
    {
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.Create(), overwrite: true);
        var writer = new SafetensorsWriter();
        foreach (var pair in adapter.Pairs.Reverse())
        {
            writer.AddTensor(PeftAdapter.NameOf(pair.Layer, pair.Module, AdapterTensor.B), type, [pair.OutputSize, pair.Rank], pair.B);
            writer.AddTensor(PeftAdapter.NameOf(pair.Layer, pair.Module, AdapterTensor.A), type, [pair.Rank, pair.InputSize], pair.A);
        }

        add?.Invoke(writer);
        using var stream = File.Create(Weights);
        writer.Write(stream);
    }

    private void AssertRoundTrip(string directory, DecoderDescription model)
    {
        var adapter = PeftAdapter.Import(directory, model, AdapterSamples.Fingerprint);
        Assert.Equal(model.LayerCount * adapter.Configuration.Targets.Count, adapter.Pairs.Count);
        PeftAdapter.Export(_folder["adapter"], adapter);
        using var before = SafetensorsFile.Open(Path.Combine(directory, PeftAdapter.WeightsFile));
        using var after = SafetensorsFile.Open(Weights);
        Assert.Equal(before.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), after.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in before.Tensors)
        {
            var other = after.GetTensor(tensor.Name);
            Assert.Equal((tensor.Type, string.Join(',', tensor.Shape)), (other.Type, string.Join(',', other.Shape)));
            Assert.True(before.GetData(tensor).SequenceEqual(after.GetData(other)), tensor.Name);
        }
    }
}

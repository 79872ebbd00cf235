using System.Text.Json.Nodes;
using Personalize.Core.Adapters;
using Personalize.Core.Errors;
using Personalize.Core.Formats.Safetensors;
using Personalize.Core.Models;

namespace Personalize.Core.Tests.Adapters;

/// <summary>Biases beside an adapter in PEFT's form, <c>bias="lora_only"</c>.</summary>
public sealed class AdapterBiasTests : IDisposable
{
    private const string Query = "base_model.model.model.layers.0.self_attn.q_proj";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_exported_imports_the_same(bool dora)
    {
        var adapter = AdapterSamples.CreateBiased(dora);
        PeftAdapter.Export(_folder["adapter"], adapter);
        AdapterSamples.AssertSame(adapter, PeftAdapter.Import(_folder["adapter"], AdapterSamples.Biased, AdapterSamples.Fingerprint));
        Assert.Equal("lora_only", (string?)ReadConfiguration()["bias"]);
        using var file = SafetensorsFile.Open(_folder["adapter/adapter_model.safetensors"]);
        Assert.True(file.TryGetTensor(Query + ".base_layer.bias", out var bias));
        Assert.Equal([64L], bias.Shape);
        Assert.Equal(adapter.Pairs[0].Bias, file.ReadSingles(bias.Name));
        Assert.False(file.TryGetTensor("base_model.model.model.layers.0.mlp.down_proj.base_layer.bias", out _));
    }

    [Fact]
    public void The_name_before_maps_were_wrapped_is_read_too_but_not_both()
    {
        var adapter = AdapterSamples.CreateBiased();
        Write(adapter, name => name.Replace(".base_layer.bias", ".bias", StringComparison.Ordinal));
        AdapterSamples.AssertSame(adapter, PeftAdapter.Import(_folder["adapter"], AdapterSamples.Biased, AdapterSamples.Fingerprint));
        Write(adapter, name => name, writer => writer.AddTensor(Query + ".bias", SafetensorsType.F32, [64], new float[64]));
        Assert.Equal(AdapterFormatError.UnknownTensor, Import().Error);
    }

    [Fact]
    public void Biases_must_be_there_where_configuration_and_base_have_them_and_nowhere_else()
    {
        PeftAdapter.Export(_folder["adapter"], AdapterSamples.CreateBiased());
        var bare = Import(AdapterSamples.Biased with { HasAttentionBias = false });
        Assert.Equal((AdapterFormatError.UnknownTensor, Query + ".base_layer.bias"), (bare.Error, bare.Tensor));
        Change("none");
        var unasked = Import();
        Assert.Equal((AdapterFormatError.UnknownTensor, Query + ".base_layer.bias"), (unasked.Error, unasked.Tensor));
        Change("all");
        Assert.Equal((AdapterFormatError.UnsupportedFeature, "bias"), (Import().Error, Import().Field));

        PeftAdapter.Export(_folder["adapter"], AdapterSamples.Create(targets: [LinearModule.Query]), overwrite: true);
        Change("lora_only");
        var missing = Import();
        Assert.Equal((AdapterFormatError.MissingTensor, Query + ".base_layer.bias"), (missing.Error, missing.Tensor));
        var imported = PeftAdapter.Import(_folder["adapter"], AdapterSamples.Tiny, AdapterSamples.Fingerprint);
        Assert.True(imported.Configuration.TrainsBiases);
        Assert.All(imported.Pairs, pair => Assert.Null(pair.Bias));
    }

    [Theory]
    [InlineData("base_model.model.model.layers.0.mlp.down_proj.base_layer.bias", 64, AdapterFormatError.UnknownTensor)]
    [InlineData("base_model.model.model.layers.0.self_attn.k_proj.base_layer.bias", 32, AdapterFormatError.UnknownTensor)]
    [InlineData("base_model.model.model.layers.0.self_attn.k_proj.base_layer.bias", 33, AdapterFormatError.ShapeMismatch)]
    [InlineData("base_model.model.model.layers.3.self_attn.q_proj.base_layer.bias", 64, AdapterFormatError.UnknownTensor)]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.base_layer.base_layer.bias", 64, AdapterFormatError.UnknownTensor)]
    [InlineData("base_model.model.model.norm.bias", 64, AdapterFormatError.UnknownTensor)]
    public void A_bias_that_is_none_of_an_adapted_map_is_refused(string name, int length, AdapterFormatError error)
    {
        Write(AdapterSamples.CreateBiased(), own => own, writer => writer.AddTensor(name, SafetensorsType.F32, [length], new float[length]));
        var thrown = Import();
        Assert.Equal((error, name), (thrown.Error, thrown.Tensor));
    }

    [Fact]
    public void A_bias_that_is_not_finite_or_of_another_length_is_refused()
    {
        var adapter = AdapterSamples.CreateBiased();
        adapter.Pairs[0].Bias![3] = float.NaN;
        PeftAdapter.Export(_folder["adapter"], adapter);
        Assert.Equal((AdapterFormatError.NonFinite, Query + ".base_layer.bias"), (Import().Error, Import().Tensor));
        Assert.Throws<ArgumentException>(() => new LoraPair(0, LinearModule.Query, 2, new float[8], new float[12], bias: new float[5]));
        Assert.Equal(6, new LoraPair(0, LinearModule.Query, 2, new float[8], new float[12], bias: new float[6]).Bias!.Length);
    }

    private AdapterFormatException Import(DecoderDescription? model = null)
        => Assert.Throws<AdapterFormatException>(() => PeftAdapter.Import(_folder["adapter"], model ?? AdapterSamples.Biased, AdapterSamples.Fingerprint));

    private JsonObject ReadConfiguration() => JsonNode.Parse(File.ReadAllText(_folder["adapter/adapter_config.json"]))!.AsObject();

    private void Change(string bias)
    {
        var configuration = ReadConfiguration();
        configuration["bias"] = bias;
        File.WriteAllText(_folder["adapter/adapter_config.json"], configuration.ToJsonString());
    }

    /// <summary>An exported adapter whose tensors are renamed and added to.</summary>
    private void Write(LoraAdapter adapter, Func<string, string> rename, Action<SafetensorsWriter>? add = null)
    {
        PeftAdapter.Export(_folder["adapter"], adapter, overwrite: true);
        var path = _folder["adapter/adapter_model.safetensors"];
        var writer = new SafetensorsWriter();
        using (var file = SafetensorsFile.Open(path))
        {
            foreach (var tensor in file.Tensors)
            {
                writer.AddTensor(rename(tensor.Name), SafetensorsType.F32, [.. tensor.Shape], file.ReadSingles(tensor.Name));
            }
        }

        add?.Invoke(writer);
        using var stream = File.Create(path);
        writer.Write(stream);
    }
}

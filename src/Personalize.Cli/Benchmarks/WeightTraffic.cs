using System.Text.Json;
using Personalize.Core.Adapters;
using Personalize.Core.Models;

namespace Personalize.Cli.Benchmarks;

/// <summary>The bytes that decoding a token reads at least, and what share of the memory's speed that is.</summary>
internal static class WeightTraffic
{
    /// <summary>Every packed matrix of the layers once, and the output layer.</summary>
    public static long BytesPerToken(DecoderModel model) =>
        model.Weights.OutputProjection.ByteLength + model.Weights.Layers.Sum(layer => LoraConfiguration.AllTargets.Sum(module => layer[module].ByteLength));

    /// <summary>The keys and values of all tokens that a token sees, in single precision.</summary>
    public static long CacheBytesPerToken(DecoderModel model, int depth) => 2L * sizeof(float) * model.Description.LayerCount * model.Description.KeyValueSize * depth;

    public static void Write(Utf8JsonWriter json, string name, DecoderModel model, ThroughputFigures figures, double readBytesPerSecond)
    {
        var bytes = BytesPerToken(model);
        var deep = bytes + CacheBytesPerToken(model, figures.PromptTokens);
        json.WriteStartObject(name);
        json.WriteNumber("bytesPerToken", bytes);
        json.WriteNumber("decode0GBps", Math.Round(bytes * figures.DecodeEmpty.Median / 1e9, 2));
        json.WriteNumber("decode0OfRead", Math.Round(bytes * figures.DecodeEmpty.Median / readBytesPerSecond, 3));
        json.WriteNumber($"decode{figures.PromptTokens}GBps", Math.Round(deep * figures.DecodeAfter.Median / 1e9, 2));
        json.WriteNumber($"decode{figures.PromptTokens}OfRead", Math.Round(deep * figures.DecodeAfter.Median / readBytesPerSecond, 3));
        json.WriteEndObject();
    }
}

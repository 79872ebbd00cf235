using System.Globalization;
using System.Text.Json;

namespace Personalize.Core.Adapters;

/// <summary>What an adapter file says before its weights: everything of <see cref="AdapterRecord"/> but what may change, and the sizes of the pairs.</summary>
/// <param name="Record">The record; its status is what the adapter was added as.</param>
/// <param name="Pairs">Layer, map, input and output size of each pair and whether it has a bias, in the order of the weights.</param>
internal sealed record AdapterManifest(AdapterRecord Record, IReadOnlyList<(int Layer, LinearModule Module, int Input, int Output, bool HasBias)> Pairs)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    public byte[] Encode()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("id"u8, Record.Id);
            json.WriteString("created"u8, Record.Created);
            json.WriteNumber("status"u8, (int)Record.Status);
            json.WriteString("baseFingerprint"u8, Record.BaseFingerprint);
            WriteConfiguration(json, Record.Configuration);
            WriteProvenance(json, Record.Provenance);
            json.WriteStartArray("pairs"u8);
            foreach (var (layer, module, input, output, hasBias) in Pairs)
            {
                json.WriteStartArray();
                json.WriteNumberValue(layer);
                json.WriteStringValue(AdapterModules.TargetName(module));
                json.WriteNumberValue(input);
                json.WriteNumberValue(output);
                if (hasBias)
                {
                    json.WriteBooleanValue(true);
                }

                json.WriteEndArray();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <exception cref="FormatException">It is not a manifest.</exception>
    public static AdapterManifest Decode(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, Strict);
            var root = document.RootElement;
            var record = new AdapterRecord
            {
                Id = Text(root, "id"),
                Created = root.GetProperty("created"u8).GetDateTimeOffset(),
                Status = (AdapterStatus)root.GetProperty("status"u8).GetInt32(),
                BaseFingerprint = Text(root, "baseFingerprint"),
                Configuration = ReadConfiguration(root.GetProperty("configuration"u8)),
                Provenance = ReadProvenance(root.GetProperty("provenance"u8)),
            };
            var pairs = root.GetProperty("pairs"u8).EnumerateArray()
                .Select(pair => (Positive(pair[0], zero: true), Module(pair[1]), Positive(pair[2]), Positive(pair[3]), pair.GetArrayLength() > 4 && pair[4].GetBoolean()))
                .ToList();
            return new AdapterManifest(record, pairs);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new FormatException("not a manifest", exception);
        }
    }

    private static void WriteConfiguration(Utf8JsonWriter json, LoraConfiguration configuration)
    {
        json.WriteStartObject("configuration"u8);
        json.WriteNumber("rank"u8, configuration.Rank);
        json.WriteNumber("alpha"u8, configuration.Alpha);
        json.WriteBoolean("rankStabilized"u8, configuration.UseRankStabilizedScaling);
        json.WriteStartArray("targets"u8);
        foreach (var module in configuration.Targets)
        {
            json.WriteStringValue(AdapterModules.TargetName(module));
        }

        json.WriteEndArray();
        if (configuration.UseDora)
        {
            json.WriteBoolean("dora"u8, true);
        }

        if (configuration.TrainsBiases)
        {
            json.WriteBoolean("biases"u8, true);
        }

        if (configuration.Overrides.Count > 0)
        {
            AdapterPatterns.Write(json, "rankPattern", configuration.Overrides, o => o.Rank);
            AdapterPatterns.Write(json, "alphaPattern", configuration.Overrides, o => o.Alpha);
        }

        json.WriteEndObject();
    }

    private static void WriteProvenance(Utf8JsonWriter json, AdapterProvenance provenance)
    {
        json.WriteStartObject("provenance"u8);
        WriteOptional(json, "testNllBase", provenance.TestNllBase);
        WriteOptional(json, "testNllAdapter", provenance.TestNllAdapter);
        WriteOptional(json, "testNllIncumbent", provenance.TestNllIncumbent);
        if (provenance.TrainedOn is { } range)
        {
            json.WriteStartArray("trainedOn"u8);
            json.WriteNumberValue(range.Count);
            json.WriteNumberValue(range.FirstId);
            json.WriteNumberValue(range.LastId);
            json.WriteEndArray();
        }

        json.WriteNumber("steps"u8, provenance.Steps);
        json.WriteNumber("trainTokens"u8, provenance.TrainTokens);
        json.WriteString("recipe"u8, provenance.Recipe);
        json.WriteEndObject();
    }

    // A loss that went to infinity is a figure too, but none that JSON has.
    private static void WriteOptional(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteString(name, number.ToString("R", CultureInfo.InvariantCulture));
        }
    }

    private static LoraConfiguration ReadConfiguration(JsonElement element) => new(
        Positive(element.GetProperty("rank"u8)),
        element.GetProperty("alpha"u8).GetSingle(),
        element.GetProperty("rankStabilized"u8).GetBoolean(),
        [.. element.GetProperty("targets"u8).EnumerateArray().Select(Module)])
    {
        UseDora = element.TryGetProperty("dora"u8, out var dora) && dora.GetBoolean(),
        TrainsBiases = element.TryGetProperty("biases"u8, out var biases) && biases.GetBoolean(),
        Overrides =
        [
            .. ReadPattern(element, "rankPattern", (layer, module, value) => new LoraOverride(layer, module, Rank: Positive(value))),
            .. ReadPattern(element, "alphaPattern", (layer, module, value) => new LoraOverride(layer, module, Alpha: value.GetSingle())),
        ],
    };

    private static IEnumerable<LoraOverride> ReadPattern(JsonElement element, string name, Func<int?, LinearModule, JsonElement, LoraOverride> create)
    {
        if (!element.TryGetProperty(name, out var pattern))
        {
            yield break;
        }

        foreach (var entry in pattern.EnumerateObject())
        {
            yield return AdapterPatterns.TryParse(entry.Name, out var layer, out var module) ? create(layer, module, entry.Value) : throw new FormatException("an unknown linear map");
        }
    }

    private static AdapterProvenance ReadProvenance(JsonElement element) => new()
    {
        TestNllBase = Optional(element, "testNllBase"),
        TestNllAdapter = Optional(element, "testNllAdapter"),
        TestNllIncumbent = Optional(element, "testNllIncumbent"),
        TrainedOn = element.TryGetProperty("trainedOn"u8, out var range) ? new AdapterTrainingRange(range[0].GetInt64(), range[1].GetInt64(), range[2].GetInt64()) : null,
        Steps = element.GetProperty("steps"u8).GetInt32(),
        TrainTokens = element.GetProperty("trainTokens"u8).GetInt64(),
        Recipe = Text(element, "recipe"),
    };

    private static double? Optional(JsonElement element, string name)
        => element.TryGetProperty(name, out var value) ? double.Parse(value.GetString() ?? "", NumberStyles.Float, CultureInfo.InvariantCulture) : null;

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? throw new FormatException(name);

    private static LinearModule Module(JsonElement element)
        => AdapterModules.TryParseTarget(element.GetString(), out var module) ? module : throw new FormatException("an unknown linear map");

    private static int Positive(JsonElement element) => Positive(element, zero: false);

    private static int Positive(JsonElement element, bool zero)
        => element.GetInt32() is var value && (value > 0 || (zero && value == 0)) ? value : throw new FormatException("a size out of range");
}

using System.Text.Json;
using Personalize.Core.Errors;

namespace Personalize.Core.Adapters;

/// <summary><c>adapter_config.json</c> of a LoRA, rsLoRA or DoRA, with biases or without, as PEFT 0.21 writes and reads it. What changes the arithmetic and is none of these is refused by the name of its field.</summary>
internal static class PeftConfiguration
{
    private const int MaximumBytes = 1 << 20;
    private const string NoBias = "none";
    private const string LoraOnly = "lora_only";

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    // Fields that say where the adapter comes from or how it was begun, and change nothing in what it computes.
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "auto_mapping", "base_model_name_or_path", "inference_mode", "loftq_config", "lora_dropout", "megatron_core", "peft_version", "qalora_group_size", "revision", "runtime_config",
    };

    public static LoraConfiguration Read(string path)
    {
        try
        {
            var bytes = ReadBounded(path);
            using var document = JsonDocument.Parse(bytes, Strict);
            return Parse(path, document.RootElement);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new AdapterFormatException(AdapterFormatError.FileMissing, path, "is missing or cannot be read: give the folder of a PEFT adapter", innerException: exception);
        }
        catch (JsonException exception)
        {
            throw new AdapterFormatException(AdapterFormatError.ConfigurationMalformed, path, $"is not JSON, line {exception.LineNumber + 1}: fetch the adapter again");
        }
        catch (InvalidOperationException exception)
        {
            throw new AdapterFormatException(AdapterFormatError.ConfigurationMalformed, path, "holds text that is not Unicode: fetch the adapter again", innerException: exception);
        }
    }

    public static void Write(Stream stream, LoraConfiguration configuration)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        AdapterPatterns.Write(json, "alpha_pattern", configuration.Overrides, o => o.Alpha);
        json.WriteNull("auto_mapping"u8);
        json.WriteNull("base_model_name_or_path"u8);
        json.WriteString("bias"u8, configuration.TrainsBiases ? LoraOnly : NoBias);
        json.WriteBoolean("fan_in_fan_out"u8, false);
        json.WriteBoolean("inference_mode"u8, true);
        json.WriteBoolean("init_lora_weights"u8, true);
        json.WriteNull("layers_pattern"u8);
        json.WriteNull("layers_to_transform"u8);
        json.WriteNumber("lora_alpha"u8, configuration.Alpha);
        json.WriteNumber("lora_dropout"u8, 0);
        json.WriteNull("modules_to_save"u8);
        json.WriteString("peft_type"u8, "LORA"u8);
        json.WriteNumber("r"u8, configuration.Rank);
        AdapterPatterns.Write(json, "rank_pattern", configuration.Overrides, o => o.Rank);
        json.WriteNull("revision"u8);
        json.WriteStartArray("target_modules"u8);
        foreach (var module in configuration.Targets)
        {
            json.WriteStringValue(AdapterModules.TargetName(module));
        }

        json.WriteEndArray();
        json.WriteString("task_type"u8, "CAUSAL_LM"u8);
        json.WriteBoolean("use_dora"u8, configuration.UseDora);
        json.WriteBoolean("use_rslora"u8, configuration.UseRankStabilizedScaling);
        json.WriteEndObject();
    }

    private static byte[] ReadBounded(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (file.Length > MaximumBytes)
        {
            throw new AdapterFormatException(AdapterFormatError.ConfigurationMalformed, path, "is far too long for a configuration: fetch the adapter again");
        }

        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    private static LoraConfiguration Parse(string path, JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new AdapterFormatException(AdapterFormatError.ConfigurationMalformed, path, "is not a JSON object: give the folder of a PEFT adapter");
        }

        int? rank = null;
        float? alpha = null;
        var (rankStabilized, dora, biases) = (false, false, false);
        List<LoraOverride> ranks = [], alphas = [];
        LinearModule[]? targets = null;
        var isLora = false;
        foreach (var field in root.EnumerateObject())
        {
            var value = field.Value;
            switch (field.Name)
            {
                case "peft_type":
                    isLora = Is(value, "LORA") ? true : throw Unsupported(path, field.Name);
                    break;
                case "r":
                    rank = ReadRank(path, field.Name, value);
                    break;
                case "lora_alpha":
                    alpha = ReadAlpha(path, field.Name, value);
                    break;
                case "use_rslora":
                    rankStabilized = ReadBoolean(path, field.Name, value);
                    break;
                case "use_dora":
                    dora = ReadBoolean(path, field.Name, value);
                    break;
                case "rank_pattern":
                    ranks = ReadPattern(path, field, (layer, module, rankOf) => new LoraOverride(layer, module, Rank: ReadRank(path, field.Name, rankOf)));
                    break;
                case "alpha_pattern":
                    alphas = ReadPattern(path, field, (layer, module, alphaOf) => new LoraOverride(layer, module, Alpha: ReadAlpha(path, field.Name, alphaOf)));
                    break;
                case "target_modules":
                    targets = ReadTargets(path, value);
                    break;
                case "bias":
                    biases = Is(value, LoraOnly);
                    RequireOrRefuse(path, field, biases || Is(value, NoBias));
                    break;
                case "init_lora_weights":
                    // Other ways to begin (PiSSA, OLoRA, LoftQ, CorDA) also change the base, which we do not have then.
                    RequireOrRefuse(path, field, value.ValueKind is JsonValueKind.True or JsonValueKind.False || Is(value, "gaussian") || Is(value, "orthogonal") || Is(value, "eva"));
                    break;
                case "task_type":
                    RequireOrRefuse(path, field, value.ValueKind == JsonValueKind.Null || Is(value, "CAUSAL_LM"));
                    break;
                default:
                    RequireOrRefuse(path, field, Harmless.Contains(field.Name) || SaysNothing(value));
                    break;
            }
        }

        if (!isLora)
        {
            throw Invalid(path, "peft_type", "is missing");
        }

        return new LoraConfiguration(
            rank ?? throw Invalid(path, "r", "is missing"),
            alpha ?? throw Invalid(path, "lora_alpha", "is missing"),
            rankStabilized,
            targets ?? throw Invalid(path, "target_modules", "is missing"))
        {
            UseDora = dora,
            TrainsBiases = biases,
            Overrides = [.. ranks, .. alphas],
        };
    }

    private static int ReadRank(string path, string field, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out var rank))
        {
            throw Invalid(path, field, "is not a whole number");
        }

        AdapterAssembly.RequireRank(path, rank, field, tensor: null);
        return (int)rank;
    }

    private static float ReadAlpha(string path, string field, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number) && number > 0 ? number : throw Invalid(path, field, "is not a positive number");

    private static bool ReadBoolean(string path, string field, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Invalid(path, field, "is not true or false");

    private static List<LoraOverride> ReadPattern(string path, JsonProperty field, Func<int?, LinearModule, JsonElement, LoraOverride> create)
    {
        var entries = new List<LoraOverride>();
        if (SaysNothing(field.Value))
        {
            return entries;
        }

        if (field.Value.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(path, field.Name, "is not an object of module names");
        }

        foreach (var entry in field.Value.EnumerateObject())
        {
            // Any other key is a regular expression, and running one from a file is not worth its risks.
            entries.Add(AdapterPatterns.TryParse(entry.Name, out var layer, out var module)
                ? create(layer, module, entry.Value)
                : throw Invalid(path, field.Name, "has a key that is not the plain name of a linear map, such as q_proj or layers.0.self_attn.q_proj"));
        }

        return entries;
    }

    private static LinearModule[] ReadTargets(string path, JsonElement value)
    {
        // PEFT also takes a regular expression here; running one from a file is not worth its risks.
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > 64)
        {
            throw Invalid(path, "target_modules", "is not a list of module names");
        }

        var targets = new SortedSet<LinearModule>();
        foreach (var name in value.EnumerateArray())
        {
            if (name.ValueKind != JsonValueKind.String || !AdapterModules.TryParseTarget(name.GetString(), out var module))
            {
                throw Invalid(path, "target_modules", "names a module other than the seven linear maps of a layer");
            }

            if (!targets.Add(module))
            {
                throw Invalid(path, "target_modules", "names a module twice");
            }
        }

        return [.. targets];
    }

    private static bool Is(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    /// <summary>A field of any name that is off: PEFT adds one for each new feature, with such a value where it is not used.</summary>
    private static bool SaysNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };

    private static void RequireOrRefuse(string path, JsonProperty field, bool supported)
    {
        if (!supported)
        {
            throw Unsupported(path, field.Name);
        }
    }

    private static AdapterFormatException Unsupported(string path, string field)
        => new(AdapterFormatError.UnsupportedFeature, path, "asks for what plain LoRA does not have: train or export the adapter without it", field);

    private static AdapterFormatException Invalid(string path, string field, string what)
        => new(AdapterFormatError.FieldInvalid, path, what + ": fetch the adapter again", field);
}

using System.Globalization;
using System.Text.Json;

namespace Personalize.Inference.Tests.Chat.Schemas;

/// <summary>A validator of the supported part of JSON Schema, written from the specification without regard to the grammar.</summary>
internal static class SchemaCheck
{
    public static bool IsValid(string text, JsonElement schema)
    {
        using var document = JsonDocument.Parse(text);
        return IsValid(document.RootElement, schema);
    }

    public static bool IsValid(JsonElement value, JsonElement schema)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return schema.ValueKind == JsonValueKind.True;
        }

        return schema.EnumerateObject().All(keyword => Holds(value, keyword.Name, keyword.Value, schema));
    }

    private static bool Holds(JsonElement value, string keyword, JsonElement operand, JsonElement schema) => keyword switch
    {
        "type" => operand.ValueKind == JsonValueKind.Array ? operand.EnumerateArray().Any(type => IsType(value, type.GetString()!)) : IsType(value, operand.GetString()!),
        "const" => JsonElement.DeepEquals(value, operand),
        "enum" => operand.EnumerateArray().Any(candidate => JsonElement.DeepEquals(value, candidate)),
        "anyOf" => operand.EnumerateArray().Any(alternative => IsValid(value, alternative)),
        "minLength" => value.ValueKind != JsonValueKind.String || Length(value) >= operand.GetInt32(),
        "maxLength" => value.ValueKind != JsonValueKind.String || Length(value) <= operand.GetInt32(),
        "minItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= operand.GetInt32(),
        "maxItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= operand.GetInt32(),
        "items" => value.ValueKind != JsonValueKind.Array || value.EnumerateArray().All(item => IsValid(item, operand)),
        "required" => value.ValueKind != JsonValueKind.Object || operand.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
        "properties" => value.ValueKind != JsonValueKind.Object || value.EnumerateObject().All(member => !operand.TryGetProperty(member.Name, out var inner) || IsValid(member.Value, inner)),
        "additionalProperties" => value.ValueKind != JsonValueKind.Object || value.EnumerateObject().All(member => (schema.TryGetProperty("properties", out var known) && known.TryGetProperty(member.Name, out _)) || IsValid(member.Value, operand)),
        _ => true,
    };

    private static bool IsType(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.Number => type == "number" || (type == "integer" && decimal.TryParse(value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && decimal.IsInteger(number)),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        var kind => string.Equals(kind.ToString(), type, StringComparison.OrdinalIgnoreCase),
    };

    // Throws for half of a surrogate pair.
    private static int Length(JsonElement value) => value.GetString()!.EnumerateRunes().Count();
}

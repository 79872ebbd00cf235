using System.Text.Json;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>The types of JSON Schema.</summary>
internal static class JsonTypes
{
    /// <summary>Whether a value is of a type; a number without a fraction counts as an integer, however it is written.</summary>
    public static bool Is(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number" || (type == "integer" && Math.Truncate(value.GetDouble()) == value.GetDouble()),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        _ => type == "null",
    };
}

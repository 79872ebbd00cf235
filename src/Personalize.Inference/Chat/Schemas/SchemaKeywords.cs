using System.Collections.Frozen;
using System.Text.Json;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>Reads the keywords of one schema and refuses what is malformed or not supported.</summary>
internal static class SchemaKeywords
{
    private static readonly string[] AllTypes = ["object", "array", "string", "number", "boolean", "null"];

    private static readonly FrozenSet<string> Annotations =
        new[] { "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format" }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> TypeOfKeyword = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["properties"] = "object",
        ["required"] = "object",
        ["additionalProperties"] = "object",
        ["items"] = "array",
        ["minItems"] = "array",
        ["maxItems"] = "array",
        ["minLength"] = "string",
        ["maxLength"] = "string",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>All keywords that assert something.</summary>
    public static List<JsonProperty> Read(JsonElement schema, string path)
    {
        var keywords = schema.EnumerateObject().Where(member => !Annotations.Contains(member.Name)).ToList();
        foreach (var keyword in keywords)
        {
            if (keyword.Name is not ("type" or "enum" or "const" or "anyOf" or "$ref") && !TypeOfKeyword.ContainsKey(keyword.Name))
            {
                throw new UnsupportedSchemaException(path, keyword.Name, "is not supported: leave it out and check the answer for it, or say it with the supported keywords");
            }
        }

        return keywords;
    }

    /// <summary>Finds a keyword that says everything by itself; what stands beside it would have to be intersected and is refused.</summary>
    public static bool Sole(JsonElement schema, List<JsonProperty> keywords, string path, string name, bool mayHaveType, out JsonElement value)
    {
        if (!schema.TryGetProperty(name, out value))
        {
            return false;
        }

        foreach (var keyword in keywords)
        {
            if (keyword.Name != name && !(mayHaveType && keyword.Name == "type"))
            {
                throw new UnsupportedSchemaException(path, keyword.Name, $"is not supported beside '{name}'");
            }
        }

        return true;
    }

    /// <summary>The types that a value may have: those named, else those that the keywords mean, else all.</summary>
    public static string[] Types(JsonElement schema, List<JsonProperty> keywords, string path)
    {
        if (!schema.TryGetProperty("type", out var type))
        {
            // Keywords of one type say nothing about values of another, but mean that type.
            string[] meant = [.. keywords.Where(keyword => TypeOfKeyword.ContainsKey(keyword.Name)).Select(keyword => TypeOfKeyword[keyword.Name]).Distinct(StringComparer.Ordinal)];
            return meant.Length > 0 ? meant : AllTypes;
        }

        var elements = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().ToList() : [type];
        if (elements.Count == 0 || elements.Exists(element => element.ValueKind != JsonValueKind.String || !(AllTypes.Contains(element.GetString()!, StringComparer.Ordinal) || element.ValueEquals("integer"u8))))
        {
            throw new UnsupportedSchemaException(path, "type", "is not one of object, array, string, number, integer, boolean, null, nor an array of these");
        }

        return [.. elements.Select(element => element.GetString()!).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>The names that must come.</summary>
    public static List<string> Required(JsonElement schema, string path)
    {
        if (!schema.TryGetProperty("required", out var required))
        {
            return [];
        }

        return required.ValueKind == JsonValueKind.Array && required.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
            ? [.. required.EnumerateArray().Select(name => name.GetString()!).Distinct(StringComparer.Ordinal)]
            : throw new UnsupportedSchemaException(path, "required", "is not an array of names");
    }

    /// <summary>A bound, or null where there is none.</summary>
    public static int? Count(JsonElement schema, string path, string keyword)
    {
        if (!schema.TryGetProperty(keyword, out var value))
        {
            return null;
        }

        // The automaton keeps a count beside four bits of its own.
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count is >= 0 and < 1 << 24
            ? count
            : throw new UnsupportedSchemaException(path, keyword, "is not a whole number from 0 to 16777215");
    }

    /// <summary>Refuses bounds between which there is nothing.</summary>
    public static void CheckOrder(int? minimum, int? maximum, string path, string keyword)
    {
        if (minimum > maximum)
        {
            throw new UnsupportedSchemaException(path, keyword, "is below the minimum beside it, so no value satisfies it");
        }
    }
}

using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;

namespace Personalize.Inference.Tests.Chat.Schemas;

/// <summary>Small schemas of all supported keywords, each satisfied by some value.</summary>
internal static class RandomSchemas
{
    private static readonly string[] Names = ["a", "name", "ab", "abc", "é", "q\"q", "items", "日本"];
    private static readonly string[] Values = ["\"ab\"", "\"abc\"", "\"ä\\n\\\"\"", "1", "12", "-1.5", "true", "null", "[1,{\"a\":[]}]", "{}", "\"\"", "\"\\ud83d\\ude42\""];

    public static Arbitrary<JsonElement> All => Gen.Sized(size => Schema(Math.Min(size / 12, 3))).Select(node => JsonDocument.Parse(node.ToJsonString()).RootElement).ToArbitrary();

    private static Gen<JsonNode> Schema(int depth)
    {
        Gen<JsonNode>[] flat =
        [
            Gen.Constant<JsonNode>(new JsonObject()).Select(node => node.DeepClone()),
            Gen.Elements("string", "number", "integer", "boolean", "null", "object", "array").Select(type => (JsonNode)new JsonObject { ["type"] = type }),
            Gen.Elements("string", "number", "integer", "boolean", "null").NonEmptyListOf().Select(types => (JsonNode)new JsonObject { ["type"] = new JsonArray([.. types.Distinct().Select(type => (JsonNode)type)]) }),
            Bounded("string", "minLength", "maxLength"),
            Gen.Elements(Values).NonEmptyListOf().Select(values => (JsonNode)new JsonObject { ["enum"] = new JsonArray([.. values.Distinct().Select(value => JsonNode.Parse(value))]) }),
            Gen.Elements(Values).Select(value => (JsonNode)new JsonObject { ["const"] = JsonNode.Parse(value), ["title"] = "a title" }),
        ];
        return depth == 0 ? Gen.OneOf(flat) : Gen.OneOf([.. flat, Array(depth - 1), Object(depth - 1), Object(depth - 1), AnyOf(depth - 1)]);
    }

    private static Gen<JsonNode> Bounded(string type, string minimum, string maximum) =>
        from low in Gen.Choose(0, 3)
        from range in Gen.Elements(-1, 0, 1, 3, 20)
        select (JsonNode)Bound(new JsonObject { ["type"] = type }, minimum, maximum, low, range);

    private static JsonObject Bound(JsonObject schema, string minimum, string maximum, int low, int range)
    {
        if (low > 0)
        {
            schema[minimum] = low;
        }

        if (range >= 0)
        {
            schema[maximum] = low + range;
        }

        return schema;
    }

    private static Gen<JsonNode> Array(int depth) =>
        from item in Schema(depth)
        from low in Gen.Choose(0, 3)
        from range in Gen.Elements(-1, 0, 1, 2, 12)
        select (JsonNode)Bound(new JsonObject { ["type"] = "array", ["items"] = item.DeepClone() }, "minItems", "maxItems", low, range);

    private static Gen<JsonNode> AnyOf(int depth) =>
        Schema(depth).NonEmptyListOf().Select(schemas => (JsonNode)new JsonObject { ["anyOf"] = new JsonArray([.. schemas.Take(3).Select(schema => schema.DeepClone())]) });

    private static Gen<JsonNode> Object(int depth) =>
        from names in Gen.Elements(Names).ListOf().Select(names => names.Distinct().Take(4).ToArray())
        from schemas in Schema(depth).ArrayOf(names.Length)
        from required in Gen.Elements(true, false).ArrayOf(names.Length)
        from additional in Gen.Choose(0, 3)
        select (JsonNode)Object(names, schemas, required, additional);

    private static JsonObject Object(string[] names, JsonNode[] schemas, bool[] required, int additional)
    {
        var schema = new JsonObject { ["type"] = "object" };
        if (names.Length > 0)
        {
            schema["properties"] = new JsonObject(names.Zip(schemas, (name, value) => KeyValuePair.Create(name, (JsonNode?)value.DeepClone())));
            schema["required"] = new JsonArray([.. names.Where((_, index) => required[index]).Select(name => (JsonNode)name)]);
        }

        if (additional < 3)
        {
            schema["additionalProperties"] = additional switch
            {
                0 => JsonValue.Create(false),
                1 => JsonValue.Create(true),
                _ => new JsonObject { ["type"] = "integer" },
            };
        }

        return schema;
    }
}

using System.Text.Json;

namespace Personalize.Inference.Chat.Schemas;

/// <summary>
/// Compiles a JSON schema (2020-12) to a grammar all of whose texts are valid against it. The grammar is narrower than the schema where that loses nothing an answer needs: members come in the order of
/// <c>properties</c>, none but the declared ones where any are declared, fixed values have one spelling, and the digits of numbers are bounded. A keyword that it cannot hold an answer to is refused.
/// </summary>
/// <remarks>
/// Supported: <c>type</c> (also an array of types), <c>properties</c>, <c>required</c>, <c>additionalProperties</c>, <c>items</c>, <c>minItems</c>, <c>maxItems</c>, <c>minLength</c>, <c>maxLength</c>, <c>enum</c>, <c>const</c>, <c>anyOf</c>, and <c>$ref</c> to another place in the same document, as long as nothing contains itself.
/// Annotations, among them <c>format</c>, which the specification does not assert by default, are passed over.
/// </remarks>
internal sealed class JsonSchemaCompiler
{
    private const int MaximumDepth = 24;
    private const int FreeDepth = 16;

    private readonly List<GrammarNode> _nodes = [];
    private readonly SpellableBytes _bytes;
    private readonly JsonElement _document;
    private readonly SpaceNode _space;
    private readonly LiteralNode _colon;

    // What references lead to, null while it is being compiled: shared, so that references to references stay small.
    private readonly Dictionary<string, GrammarNode?> _referenced = new(StringComparer.Ordinal);
    private readonly GrammarNode?[] _free = new GrammarNode?[FreeDepth + 1];

    private JsonSchemaCompiler(JsonElement document, SpellableBytes bytes)
    {
        _document = document;
        _bytes = bytes;
        _space = new SpaceNode(_nodes);
        _colon = Literal(":"u8);
    }

    /// <summary>Compiles a schema.</summary>
    /// <param name="schema">The schema, or null for any JSON object.</param>
    /// <param name="bytes">What the vocabulary can spell.</param>
    /// <returns>The grammar.</returns>
    /// <exception cref="UnsupportedSchemaException">The schema has a keyword that is not supported, is malformed, or no value satisfies it.</exception>
    /// <exception cref="NotSupportedException">The vocabulary cannot spell JSON.</exception>
    public static JsonGrammar Compile(JsonElement? schema, SpellableBytes bytes)
    {
        if (!bytes.HavePrintableAscii)
        {
            throw new NotSupportedException("The model's vocabulary lacks tokens for single characters of ASCII, so its answers cannot be held to JSON.");
        }

        var compiler = new JsonSchemaCompiler(schema.GetValueOrDefault(), bytes);
        var root = schema is JsonElement element ? compiler.Compile(element, "", 0) : compiler.FreeObject(FreeDepth);
        if (root.MinimumLength(0) >= GrammarAutomaton.Unreachable)
        {
            throw new UnsupportedSchemaException("", null, "has no document of a size that could be written: lower its minimums");
        }

        return new JsonGrammar(root, compiler._nodes);
    }

    private static string Child(string path, string name) => path + "/" + name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private GrammarNode Compile(JsonElement schema, string path, int depth)
    {
        if (depth > MaximumDepth)
        {
            throw new UnsupportedSchemaException(path, null, $"is nested more than {MaximumDepth} schemas deep");
        }

        if (schema.ValueKind == JsonValueKind.True)
        {
            return Free(FreeDepth);
        }

        if (schema.ValueKind != JsonValueKind.Object)
        {
            throw new UnsupportedSchemaException(path, null, "is neither an object nor true, so no value satisfies it");
        }

        var keywords = SchemaKeywords.Read(schema, path);
        if (SchemaKeywords.Sole(schema, keywords, path, "$ref", mayHaveType: false, out var reference))
        {
            return Referenced(reference, path, depth);
        }

        if (SchemaKeywords.Sole(schema, keywords, path, "anyOf", mayHaveType: false, out var alternatives))
        {
            return Alternatives(alternatives, path, depth);
        }

        var types = SchemaKeywords.Types(schema, keywords, path);
        if (SchemaKeywords.Sole(schema, keywords, path, "const", mayHaveType: true, out var constant))
        {
            return FixedValues([constant], types, path, "const");
        }

        if (SchemaKeywords.Sole(schema, keywords, path, "enum", mayHaveType: true, out var values))
        {
            return values.ValueKind == JsonValueKind.Array ? FixedValues(values.EnumerateArray(), types, path, "enum") : throw new UnsupportedSchemaException(path, "enum", "is not an array");
        }

        return keywords.Count == 0 ? Free(FreeDepth) : Choice([.. types.Select(type => OfType(type, schema, path, depth))]);
    }

    private GrammarNode OfType(string type, JsonElement schema, string path, int depth) => type switch
    {
        "object" => Object(schema, path, depth),
        "array" => Array(schema, path, depth),
        "string" => String(schema, path),
        "number" => new NumberNode(_nodes, isInteger: false),
        "integer" => new NumberNode(_nodes, isInteger: true),
        "boolean" => Choice([Literal("true"u8), Literal("false"u8)]),
        _ => Literal("null"u8),
    };

    private GrammarNode Referenced(JsonElement reference, string path, int depth)
    {
        if (reference.ValueKind != JsonValueKind.String || JsonPointer.Find(_document, reference.GetString()!) is not { } target)
        {
            throw new UnsupportedSchemaException(path, "$ref", "does not lead to a place in this document (#/...)");
        }

        var key = reference.GetString()!;
        if (!_referenced.TryGetValue(key, out var node))
        {
            _referenced.Add(key, null);
            node = Compile(target, key[1..], depth + 1);
            _referenced[key] = node;
        }

        return node ?? throw new UnsupportedSchemaException(path, "$ref", "leads back to itself, which is not supported: write the levels out");
    }

    private GrammarNode Alternatives(JsonElement alternatives, string path, int depth)
    {
        if (alternatives.ValueKind != JsonValueKind.Array || alternatives.GetArrayLength() == 0)
        {
            throw new UnsupportedSchemaException(path, "anyOf", "is not an array of schemas");
        }

        return Choice([.. alternatives.EnumerateArray().Select((alternative, index) => Compile(alternative, $"{path}/anyOf/{index}", depth + 1))]);
    }

    private GrammarNode FixedValues(IEnumerable<JsonElement> values, string[] types, string path, string keyword)
    {
        var texts = values.Where(value => types.Any(type => JsonTypes.Is(value, type))).Select(value => Literal(JsonText.Write(value, _bytes))).ToArray<GrammarNode>();
        return texts.Length > 0 ? Choice(texts) : throw new UnsupportedSchemaException(path, keyword, "has no value of the 'type' beside it");
    }

    private StringNode String(JsonElement schema, string path)
    {
        var minimum = SchemaKeywords.Count(schema, path, "minLength");
        var maximum = SchemaKeywords.Count(schema, path, "maxLength");
        SchemaKeywords.CheckOrder(minimum, maximum, path, "maxLength");
        return new StringNode(_nodes, _bytes, minimum ?? 0, maximum);
    }

    private ArrayNode Array(JsonElement schema, string path, int depth)
    {
        var minimum = SchemaKeywords.Count(schema, path, "minItems");
        var maximum = SchemaKeywords.Count(schema, path, "maxItems");
        SchemaKeywords.CheckOrder(minimum, maximum, path, "maxItems");
        var item = schema.TryGetProperty("items", out var items) ? Compile(items, Child(path, "items"), depth + 1) : Free(FreeDepth);
        return new ArrayNode(_nodes, _space, item, minimum ?? 0, maximum);
    }

    private ObjectNode Object(JsonElement schema, string path, int depth)
    {
        var required = SchemaKeywords.Required(schema, path);
        var members = new List<ObjectMember>();
        if (schema.TryGetProperty("properties", out var properties))
        {
            if (properties.ValueKind != JsonValueKind.Object)
            {
                throw new UnsupportedSchemaException(path, "properties", "is not an object");
            }

            foreach (var property in properties.EnumerateObject())
            {
                var value = Compile(property.Value, Child(Child(path, "properties"), property.Name), depth + 1);
                members.Add(new ObjectMember(Literal(JsonText.Quote(property.Name, _bytes)), value, required.Remove(property.Name)));
            }
        }

        var hasAdditional = schema.TryGetProperty("additionalProperties", out var additional);
        if (required.Count > 0 && hasAdditional && additional.ValueKind == JsonValueKind.False)
        {
            throw new UnsupportedSchemaException(path, "required", "names what 'properties' lacks and 'additionalProperties' forbids, so no value satisfies it");
        }

        // Compiled in any case, so that what is wrong with it does not go unnoticed.
        var other = hasAdditional && additional.ValueKind != JsonValueKind.False ? Compile(additional, Child(path, "additionalProperties"), depth + 1) : Free(FreeDepth);
        members.AddRange(required.Select(name => new ObjectMember(Literal(JsonText.Quote(name, _bytes)), other, IsRequired: true)));
        if (members.Count == 0 && !(hasAdditional && additional.ValueKind == JsonValueKind.False))
        {
            members.Add(new ObjectMember(new StringNode(_nodes, _bytes), other, IsRequired: false, Repeats: true));
        }

        return new ObjectNode(_nodes, _space, _colon, [.. members]);
    }

    /// <summary>Any value, nested to a depth.</summary>
    private GrammarNode Free(int depth)
    {
        if (_free[depth] is { } known)
        {
            return known;
        }

        var scalars = new List<GrammarNode> { new StringNode(_nodes, _bytes), new NumberNode(_nodes, isInteger: false), Literal("true"u8), Literal("false"u8), Literal("null"u8) };
        if (depth > 0)
        {
            scalars.Add(FreeObject(depth));
            scalars.Add(new ArrayNode(_nodes, _space, Free(depth - 1)));
        }

        return _free[depth] = Choice([.. scalars]);
    }

    private ObjectNode FreeObject(int depth) =>
        new(_nodes, _space, _colon, [new ObjectMember(new StringNode(_nodes, _bytes), Free(depth - 1), IsRequired: false, Repeats: true)]);

    private LiteralNode Literal(ReadOnlySpan<byte> text) => new(_nodes, text.ToArray());

    private GrammarNode Choice(GrammarNode[] alternatives) => alternatives is [var only] ? only : new ChoiceNode(_nodes, alternatives);
}

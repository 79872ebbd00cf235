using System.ComponentModel;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Personalize.Inference.Chat.Schemas;

namespace Personalize.Inference.Tests.Chat.Schemas;

public class JsonSchemaCompilerTests
{
    private static readonly VocabularyTrie Trie = new(TinyChatModel.CreateTokenizer());

    [Theory]
    [InlineData("""{"type":"integer"}""", "0", "-7", "123456789012345678")]
    [InlineData("""{"type":"number"}""", "-0.5e-3", "1E+9", "12")]
    [InlineData("""{"type":"string"}""", "\"\"", "\"é 日 🙂 \\\\ \\\" \\u00e9 \\ud7ff \\ue000\"")]
    [InlineData("""{"type":"string","maxLength":2}""", "\"🙂é\"", "\"\\n\\u0000\"")]
    [InlineData("""{"type":["null","boolean"]}""", "null", "true", "false")]
    [InlineData("""{"enum":["a","ab",1,{"x":[true]}]}""", "\"ab\"", "1", "{\"x\":[true]}")]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":1}""", "[1]", "[ 1,\n\t2 ]")]
    [InlineData("""{"properties":{"a":{"type":"null"},"b":{}},"required":["b"]}""", "{\"b\":1}", "{ \"a\" : null , \"b\" : [{}] }")]
    [InlineData("""{"type":"object","additionalProperties":{"type":"boolean"}}""", "{}", "{\"x\":true,\"y\":false}")]
    [InlineData("""{"required":["z"],"additionalProperties":{"type":"null"}}""", "{\"z\":null}")]
    [InlineData("""{"anyOf":[{"type":"integer"},{"type":"array","items":{"type":"integer"}}]}""", "1", "[1]")]
    [InlineData("""{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"items":{"$ref":"#/$defs/c%20"}},"c ":{"type":"null"}}}""", "[null,null]")]
    [InlineData("true", "{\"any\":[1,\"x\",null]}", "3")]
    public void Valid_documents_are_taken(string schema, params string[] documents) => Assert.All(documents, document => Assert.True(Takes(schema, document), document));

    [Theory]
    [InlineData("""{"type":"integer"}""", "01", "1.0", "1e2", "+1", "-", "1234567890123456789", "1 ")]
    [InlineData("""{"type":"number"}""", ".5", "1.", "1e", "1e123", "NaN")]
    [InlineData("""{"type":"string"}""", "\"\\ud83d\"", "\"\\x\"", "\"\n\"", "x", "\"a")]
    [InlineData("""{"type":"string","maxLength":2}""", "\"abc\"", "\"\\n\\n\\n\"")]
    [InlineData("""{"type":"string","minLength":2}""", "\"a\"")]
    [InlineData("""{"enum":["a","ab"]}""", "\"abc\"", "\"b\"", "a")]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2}""", "[]", "[1,2,3]", "[1,]", "[,1]", "[\"1\"]")]
    [InlineData("""{"properties":{"a":{"type":"null"},"b":{}},"required":["b"]}""", "{}", "{\"a\":null}", "{\"a\":1,\"b\":1}", "{\"b\":1,}", "{\"b\":1,\"b\":2}", "{\"c\":1}")]
    [InlineData("""{"type":"object","additionalProperties":false}""", "{\"a\":1}")]
    public void Invalid_documents_are_not(string schema, params string[] documents) => Assert.All(documents, document => Assert.False(Takes(schema, document), document));

    [Fact]
    public void Bytes_that_are_not_UTF8_are_not_taken()
    {
        foreach (var bytes in new byte[][] { [0x80], [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xC3, 0x28] })
        {
            Assert.False(Takes(Parse("""{"type":"string"}"""), [(byte)'"', .. bytes, (byte)'"']), Convert.ToHexString(bytes));
        }
    }

    [Theory]
    [InlineData("""{"type":"string","pattern":"a"}""", "", "pattern")]
    [InlineData("""{"properties":{"a/b":{"minimum":1}}}""", "/properties/a~1b", "minimum")]
    [InlineData("""{"items":{"oneOf":[]}}""", "/items", "oneOf")]
    [InlineData("""{"$ref":"#/$defs/y","$defs":{"x":{}}}""", "", "$ref")]
    [InlineData("""{"$ref":"https://example.org/schema"}""", "", "$ref")]
    [InlineData("""{"$ref":"#"}""", "", "$ref")]
    [InlineData("""{"properties":{"child":{"$ref":"#/$defs/x"}},"$defs":{"x":{"items":{"$ref":"#/$defs/x"}}}}""", "/$defs/x/items", "$ref")]
    [InlineData("""{"$ref":"#/$defs/x","$defs":{"x":{"pattern":"a"}}}""", "/$defs/x", "pattern")]
    [InlineData("""{"anyOf":[{},{"not":{}}]}""", "/anyOf/1", "not")]
    [InlineData("""{"anyOf":[{}],"type":"string"}""", "", "type")]
    [InlineData("""{"enum":["a"],"maxLength":3}""", "", "maxLength")]
    [InlineData("""{"type":"string","enum":[1,2]}""", "", "enum")]
    [InlineData("""{"type":"float"}""", "", "type")]
    [InlineData("""{"minItems":3,"maxItems":2}""", "", "maxItems")]
    [InlineData("""{"maxLength":-1}""", "", "maxLength")]
    [InlineData("""{"required":"a"}""", "", "required")]
    [InlineData("""{"properties":{},"required":["a"],"additionalProperties":false}""", "", "required")]
    [InlineData("""{"properties":{"x":false}}""", "/properties/x", null)]
    [InlineData("7", "", null)]
    [InlineData("""{"minItems":16777215,"items":{"minItems":16777215}}""", "", null)]
    public void What_cannot_be_held_is_refused_by_name(string schema, string path, string? keyword)
    {
        var error = Assert.Throws<UnsupportedSchemaException>(() => JsonSchemaCompiler.Compile(Parse(schema), Trie.Bytes));

        Assert.Equal((path, keyword), (error.Path, error.Keyword));
    }

    [Fact]
    public void A_schema_of_a_hundred_levels_is_refused()
    {
        var schema = JsonDocument.Parse(string.Concat(Enumerable.Repeat("{\"items\":", 100)) + "{}" + new string('}', 100), new JsonDocumentOptions { MaxDepth = 200 }).RootElement;

        Assert.Throws<UnsupportedSchemaException>(() => JsonSchemaCompiler.Compile(schema, Trie.Bytes));
    }

    [Fact]
    public void References_to_references_and_long_enumerations_stay_small()
    {
        // Written out, this is an array of two to the power of ten schemas.
        var levels = string.Join(',', Enumerable.Range(0, 10).Select(i => $"\"d{i}\":{{\"anyOf\":[{{\"$ref\":\"#/$defs/d{i + 1}\"}},{{\"items\":{{\"$ref\":\"#/$defs/d{i + 1}\"}}}}]}}"));
        Assert.True(Takes($"{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{levels},\"d10\":{{\"type\":\"null\"}}}}}}", "[[[null]]]"));
        Assert.True(Takes($"{{\"enum\":[{string.Join(',', Enumerable.Range(0, 20_000))}]}}", "19999"));
    }

    [Fact]
    public void The_schema_that_is_made_of_a_type_is_understood()
    {
        var schema = ((ChatResponseFormatJson)ChatResponseFormat.ForJsonSchema<Recipe>()).Schema!.Value;

        Assert.True(Takes(schema, Encoding.UTF8.GetBytes("""{"title":"Soup","servings":4,"vegan":true,"course":"Main","steps":["cut","cook"],"note":null,"weight":0.5}""")), schema.GetRawText());
        Assert.False(Takes(schema, Encoding.UTF8.GetBytes("""{"title":"Soup","servings":4.5,"vegan":true,"course":"Main","steps":[],"note":null,"weight":1}""")), schema.GetRawText());
    }

    [Fact]
    public void Without_a_schema_any_object_is_taken_and_nothing_else()
    {
        var automaton = JsonSchemaCompiler.Compile(null, Trie.Bytes).CreateAutomaton();

        Assert.True(Ends(automaton, "{\"a\":{\"b\":[[1],{}]}}"u8));
        Assert.False(Ends(automaton, "[1]"u8));
    }

    [Fact]
    public void A_vocabulary_that_lacks_bytes_spells_them_as_escapes_or_is_refused()
    {
        var ascii = new SpellableBytes([.. Enumerable.Range(0, 256).Select(value => value is >= 0x20 and < 0x7F)]);
        var automaton = JsonSchemaCompiler.Compile(Parse("""{"enum":["é🙂"]}"""), ascii).CreateAutomaton();

        Assert.True(Ends(automaton, "\"\\u00e9\\ud83d\\ude42\""u8));
        Assert.False(Ends(JsonSchemaCompiler.Compile(Parse("""{"type":"string"}"""), ascii).CreateAutomaton(), "\"é\""u8));
        Assert.Throws<NotSupportedException>(() => JsonSchemaCompiler.Compile(null, new SpellableBytes(new bool[256])));
    }

    private static bool Takes(string schema, string document) => Takes(Parse(schema), Encoding.UTF8.GetBytes(document));

    private static bool Takes(JsonElement schema, byte[] document) => Ends(JsonSchemaCompiler.Compile(schema, Trie.Bytes).CreateAutomaton(), document);

    private static bool Ends(GrammarAutomaton automaton, ReadOnlySpan<byte> document)
    {
        var configuration = automaton.Start;
        foreach (var value in document)
        {
            configuration = automaton.Next(configuration, value);
            if (configuration == GrammarAutomaton.Dead)
            {
                return false;
            }
        }

        return automaton.IsComplete(configuration);
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    [Description("How to cook a dish")]
    private sealed record Recipe(string Title, int Servings, bool Vegan, Course Course, string[] Steps, string? Note, double Weight);

    [System.Text.Json.Serialization.JsonConverter(typeof(System.Text.Json.Serialization.JsonStringEnumConverter<Course>))]
    private enum Course
    {
        Starter,
        Main,
    }
}

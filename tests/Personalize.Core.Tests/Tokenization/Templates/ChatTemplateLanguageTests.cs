using System.Text.Json;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Core.Tests.Tokenization.Templates;

/// <summary>The language as Jinja's documentation describes it, with <c>trim_blocks</c> and <c>lstrip_blocks</c> on.</summary>
public class ChatTemplateLanguageTests
{
    private static readonly PromptMessage[] Messages = [new("user", " Hi there "), new("assistant", "a,b,,c")];

    [Theory]
    [InlineData("{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 4 / 2 }}", "7 9 3 -4 2 3.5 1024 2.0")]
    [InlineData("{{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 'a' in 'cat' }} {{ 'x' not in 'cat' }} {{ 1 == 1.0 }} {{ true == 1 }} {{ [1, 'a'] == [1, 'a'] }}", "True False True True True True True")]
    [InlineData("{{ none }}{{ missing }}{{ missing.x is defined if missing is defined else 'no' }}", "Noneno")]
    [InlineData("{{ 'a' ~ 1 ~ none ~ true }} {{ 'a' 'b' }} {{ not true or true and false }}", "a1NoneTrue ab False")]
    [InlineData("{{ 'yes' if messages else 'no' }}{{ 'x' if false }}", "yes")]
    [InlineData("{{ [1, 2, 3][::-1] }} {{ 'abc'[1:] }} {{ 'abc'[-1] }} {{ '🙂bc'[:2] }} {{ [1,2,3,4][1:-1:2] }} {{ '🙂b'|length }}", "[3, 2, 1] bc c 🙂b [2] 2")]
    [InlineData("{{ messages[0].content|trim|upper }} {{ messages[0]['role'].title is defined }}", "HI THERE False")]
    [InlineData("{{ messages[1].content.split(',') }} {{ 'a b  c '.split() }} {{ 'a b  c '.split(none, 1) }} {{ 'a-b-c'.split('-', 1)|last }}", "['a', 'b', '', 'c'] ['a', 'b', 'c'] ['a', 'b  c '] b-c")]
    [InlineData("{{ 'aaa'.replace('a', 'b', 2) }} {{ 'xxabxx'.strip('x') }} {{ 'abc'.startswith('ab') }} {{ 'abc'.find('c') }}", "bba ab True 2")]
    [InlineData("{{ {'a': 1, 'b': [true, none]}|tojson }} {{ {'q': \"it's\"} }} {{ 'é\"\\n'|tojson }}", "{\"a\": 1, \"b\": [true, null]} {'q': \"it's\"} \"é\\\"\\n\"")]
    [InlineData("{{ {'a': [], 'b': {}}|tojson(indent=2) }}", "{\n  \"a\": [],\n  \"b\": {}\n}")]
    [InlineData("{{ messages|map(attribute='role')|join(', ') }} {{ messages|selectattr('role', 'equalto', 'user')|list|length }} {{ messages|rejectattr('role', 'in', ['user'])|map(attribute='content')|first }}", "user, assistant 1 a,b,,c")]
    [InlineData("{{ missing|default('d') }} {{ ''|default('e', true) }} {{ '12'|int + 1 }} {{ 'x'|int }} {{ 3 is odd }} {{ 4 is divisibleby 2 }} {{ 'a' is string and {} is mapping }}", "d e 13 0 True True True")]
    [InlineData("{% for m in messages if m.role == 'assistant' %}{{ loop.index }}/{{ loop.length }} {{ m.content }}{% else %}none{% endfor %}", "1/1 a,b,,c")]
    [InlineData("{% for x in [] %}{{ x }}{% else %}none{% endfor %}{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{{ '' if loop.last else ',' }}{% endfor %}", "nonea1,b2")]
    [InlineData("{% for i in range(10) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "023")]
    [InlineData("{% for i in range(3) %}{{ loop.previtem is defined }}{{ loop.revindex }} {% endfor %}", "False3 True2 True1 ")]
    [InlineData("{% set x = 1 %}{% for i in range(2) %}{% set x = 5 %}{% endfor %}{{ x }}{% set n = namespace(x=1) %}{% for i in range(2) %}{% set n.x = n.x + 1 %}{% endfor %}{{ n.x }}", "13")]
    [InlineData("{% set a, b = 1, 2 %}{% set c %}<{{ a }}>{% endset %}{{ c }}{{ b }}", "<1>2")]
    [InlineData("{% macro turn(role, text='none') %}[{{ role }}:{{ text }}]{% endmacro %}{{ turn('a') }}{{ turn('b', text='c') }}", "[a:none][b:c]")]
    [InlineData("{% if false %}a{% elif missing %}b{% elif 1 %}c{% else %}d{% endif %}{% generation %}g{% endgeneration %}{% raw %}{{ x }}{% endraw %}", "cg{{ x }}")]
    [InlineData("{{ strftime_now('%d %b %Y %H:%M %A %j %%') }}", "22 Nov 2026 09:30 Sunday 326 %")]
    [InlineData("{{ 'a\\tb\\x41\\u00e9\\U0001F642\\q' }}", "a\tbAé🙂\\q")]
    [InlineData("{{ 1.5 }} {{ 1e3 }} {{ 2.5E-2 }} {{ 1_000 }} {{ 1e15 }} {{ 1e16 }} {{ 1 / 3 }} {{ 0.00001 }}", "1.5 1000.0 0.025 1000 1000000000000000.0 1e+16 0.3333333333333333 1e-05")]
    public void Expressions(string template, string expected) => Assert.Equal(expected, Render(template));

    [Theory]
    [InlineData("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc")]
    [InlineData("a\n   {% if true %}\n  b\n   {% endif %}\nc", "a\n  b\nc")]
    [InlineData("a  {% if true %}  b{% endif %}", "a    b")]
    [InlineData("a \n {%- if true -%} \n b \n {%- endif -%} \n c", "abc")]
    [InlineData("a\n  {%+ if true %}b{% endif %}", "a\n  b")]
    [InlineData("{% if true +%}\nb{% endif %}", "\nb")]
    [InlineData("a\n  {{ 'b' }}\n  {{- 'c' -}}\n  d", "a\n  bcd")]
    [InlineData("a\n  {# note #}\nb{#- x -#}  c", "a\nbc")]
    [InlineData("  {% set x = 1 %}  {% set y = 2 %}\nz", "  z")]
    [InlineData("a\r\nb\rc\r\n", "a\nb\nc")]
    [InlineData("a\u2028{% raw %}\n b\n{% endraw %}\nc", "a\u2028\n b\nc")]
    [InlineData("{{ {'a': {'b': 1}}.a.b }}{{'{{'}}", "1{{")]
    public void WhitespaceAroundTags(string template, string expected) => Assert.Equal(expected, Render(template));

    [Fact]
    public void Variables_AndFieldsComeFromJson()
    {
        var fields = JsonDocument.Parse("""{"tool_calls":[{"function":{"name":"f","arguments":{"x":1.5,"y":null,"z":12345678901}}}]}""").RootElement;
        PromptMessage[] messages = [new("assistant", "") { Fields = fields.EnumerateObject().ToDictionary(field => field.Name, field => field.Value) }];
        var template = ChatTemplate.Parse("{% set f = messages[0].tool_calls[0].function %}{{ f.name }} {{ f.arguments|tojson }} {{ thinking }} {{ f.get('none', 'd') }}", FixedTimeProvider.OfOracle);
        var values = new Dictionary<string, JsonElement> { ["thinking"] = JsonDocument.Parse("false").RootElement };
        Assert.Equal("f {\"x\": 1.5, \"y\": null, \"z\": 12345678901} False d", template.Render(messages, addGenerationPrompt: false, new TemplateVariables { Values = values }).Text);
    }

    [Fact]
    public void Variables_DoNotReplaceTheConversation()
    {
        var values = new Dictionary<string, JsonElement> { ["messages"] = JsonDocument.Parse("[]").RootElement };
        Assert.Equal("2", ChatTemplate.Parse("{{ messages|length }}", FixedTimeProvider.OfOracle).Render(Messages, addGenerationPrompt: false, new TemplateVariables { Values = values }).Text);
    }

    private static string Render(string template) => ChatTemplate.Parse(template, FixedTimeProvider.OfOracle).Render(Messages, addGenerationPrompt: false).Text;
}

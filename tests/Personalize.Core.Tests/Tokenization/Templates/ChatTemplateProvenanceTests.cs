using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Tokenization;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Core.Tests.Tokenization.Templates;

/// <summary>Whatever a template does with a person's text, the result knows where it came from.</summary>
public class ChatTemplateProvenanceTests
{
    // Characters that no template here contains: where one of them comes out, a person wrote it.
    private const string Marks = "ÄÖÜ";

    [Theory]
    [InlineData("<{{ messages[0].content }}>")]
    [InlineData("{{ '<' + messages[0].content + '>' }}")]
    [InlineData("{{ '<' ~ messages[0].content ~ 1 }}")]
    [InlineData("{{ messages[0].content|trim }}.{{ messages[0].content.strip('Ä') }}")]
    [InlineData("{{ messages[0].content[1:] }}.{{ messages[0].content[-1] }}.{{ messages[0].content[::-1] }}")]
    [InlineData("{{ messages[0].content.split('|')[0] }}.{{ messages[0].content.split()|join('-') }}")]
    [InlineData("{{ messages[0].content.replace('|', '<>') }}.{{ 'a|b'.replace('|', messages[0].content) }}")]
    [InlineData("{{ messages[0].content|upper }}{{ messages[0].content|capitalize }}")]
    [InlineData("{{ messages[0].content|tojson }}{{ messages|tojson(indent=2) }}{{ messages }}{{ messages|string }}")]
    [InlineData("{% for c in messages[0].content %}<{{ c }}>{% endfor %}")]
    [InlineData("{% set x %}<{{ messages[0].content }}>{% endset %}{{ x|trim }}{{ x[2:] }}")]
    [InlineData("{% macro m(t) %}<{{ t }}>{% endmacro %}{{ m(messages[0].content) }}")]
    [InlineData("{% set n = namespace(t='') %}{% for m in messages %}{% set n.t = n.t + m.role + ':' + m.content %}{% endfor %}{{ n.t }}")]
    [InlineData("{{ messages|map(attribute='content')|join('<>') }}{{ messages|map(attribute='role')|list }}")]
    [InlineData("{{ messages[0].extra.ÄKey }}{% for k, v in messages[0].extra.items() %}{{ k }}={{ v }};{% endfor %}")]
    [InlineData("{{ missing|default(messages[0].content) }}{{ messages[0].content or 'x' }}{{ (messages[0].content, 1)|first }}")]
    public void TextOfPeople_StaysUntrusted(string template)
    {
        using var extra = JsonDocument.Parse("""{"ÄKey":"Öx"}""");
        PromptMessage[] messages =
        [
            new("Ärole", " Ä|<Ö> Ü🙂Ä ") { Fields = new Dictionary<string, JsonElement> { ["extra"] = extra.RootElement } },
            new("user", "ÖÖ"),
        ];

        var prompt = ChatTemplate.Parse(template, FixedTimeProvider.OfOracle).Render(messages, addGenerationPrompt: true);
        var marked = Enumerable.Range(0, prompt.Text.Length).Where(i => Marks.Contains(prompt.Text[i])).ToList();
        Assert.NotEmpty(marked);
        Assert.All(marked, i => Assert.False(prompt.IsTrusted(i, 1)));
    }

    [Theory]
    [InlineData("<|s|>{{ '<|s|>' + messages[0].content + '<|s|>' }}")]
    [InlineData("{{ ('<|s|>' + messages[0].content)[:5] }}{{ ('x<|s|>' ~ messages[0].content).replace('x', '<|s|>') }}")]
    [InlineData("{% macro m(t) %}<|s|>{{ t }}{% endmacro %}{{ m(messages[0].content) }}{% set x %}<|s|>{% endset %}{{ x }}{{ ['<|s|>', messages[0].content]|join('<|s|>') }}")]
    public void TextOfTheTemplate_StaysTrusted(string template)
    {
        var prompt = ChatTemplate.Parse(template, FixedTimeProvider.OfOracle).Render([new("user", "abc")], addGenerationPrompt: true);
        var found = 0;
        for (var at = prompt.Text.IndexOf("<|s|>", StringComparison.Ordinal); at >= 0; at = prompt.Text.IndexOf("<|s|>", at + 1, StringComparison.Ordinal))
        {
            Assert.True(prompt.IsTrusted(at, 5));
            found++;
        }

        Assert.True(found >= 2);
    }

    [Fact]
    public void UntrustedRanges_AreExactlyTheContent()
    {
        var prompt = ChatTemplate.Parse("a{{ messages[0].content }}b{{ bos_token }}{{ eos_token }}", FixedTimeProvider.OfOracle)
            .Render([new("user", "xyz")], addGenerationPrompt: true, new TemplateVariables { BeginningOfText = "<s>", EndOfText = "</s>" });
        Assert.Equal("axyzb<s></s>", prompt.Text);
        Assert.Equal([new TextRange(1, 3)], prompt.UntrustedRanges);
    }

    [Fact]
    public void Refusals_DoNotQuoteThePerson()
    {
        var template = ChatTemplate.Parse("\n  {{ raise_exception('role ' + messages[0].role + ' is unknown') }}", FixedTimeProvider.OfOracle);
        var error = Assert.Throws<ChatTemplateException>(() => template.Render([new("secret", "")], addGenerationPrompt: true));
        Assert.Equal(ChatTemplateErrorKind.Refused, error.Kind);
        Assert.Contains("role … is unknown", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ messages[0][messages[0].content].x }}")]
    [InlineData("{{ {}[messages[0].content]() }}")]
    [InlineData("{{ messages[0].content + 1 }}")]
    [InlineData("{{ messages|map(messages[0].content)|list }}")]
    [InlineData("{{ messages|map(attribute=messages[0].content + '.x')|list }}")]
    [InlineData("{{ strftime_now('%Q' + messages[0].content) }}")]
    public void Failures_DoNotQuoteThePerson(string template)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template, FixedTimeProvider.OfOracle).Render([new("user", "secret")], addGenerationPrompt: true));
        Assert.Equal(ChatTemplateErrorKind.Evaluation, error.Kind);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }
}

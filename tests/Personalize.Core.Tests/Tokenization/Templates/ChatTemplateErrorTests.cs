using Personalize.Core.Errors;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Core.Tests.Tokenization.Templates;

/// <summary>Templates come with downloaded files: whatever they hold, there is one typed error, soon.</summary>
public class ChatTemplateErrorTests
{
    private const int Deep = 100_000;
    private const int SmallStack = 512 * 1024;

    [Theory]
    [InlineData("ab\n {{ 1 + }}", 2, 9)]
    [InlineData("{{ 'abc }}", 1, 4)]
    [InlineData("{% if x %}", 1, 11)]
    [InlineData("a{% endif %}", 1, 5)]
    [InlineData("{{ x|nofilter }}", 1, 5)]
    [InlineData("{{ x is notest }}", 1, 6)]
    [InlineData("{% include 'x' %}", 1, 4)]
    [InlineData("{% break %}", 1, 4)]
    [InlineData("{# never", 1, 1)]
    [InlineData("{% raw %} never", 1, 1)]
    [InlineData("{{ x", 1, 1)]
    [InlineData("{{ a ? b }}", 1, 6)]
    [InlineData("{{ 99999999999999999999 }}", 1, 4)]
    [InlineData("{{ '\\xZZ' }}", 1, 5)]
    [InlineData("{% for %}{% endfor %}", 1, 8)]
    [InlineData("{{ f(a=1, 2) }}", 1, 11)]
    public void MalformedTemplates_AreRefusedWithTheirPlace(string source, int line, int column)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(source, FixedTimeProvider.OfOracle));
        Assert.Equal((ChatTemplateErrorKind.Syntax, line, column), (error.Kind, error.Line, error.Column));
    }

    [Theory]
    [InlineData("{{ missing.x }}")]
    [InlineData("{{ messages[9].role }}")]
    [InlineData("{{ 'a' + 1 }}")]
    [InlineData("{{ 'a' + missing }}")]
    [InlineData("{{ 1 // 0 }}{{ 1 / 0 }}")]
    [InlineData("{{ 9223372036854775807 + 1 }}")]
    [InlineData("{{ 3 ** 100000000000 }}")]
    [InlineData("{{ missing() }}")]
    [InlineData("{{ 'a'() }}")]
    [InlineData("{{ 1 < 'a' }}")]
    [InlineData("{{ 1 in 2 }}")]
    [InlineData("{{ 1|length }}")]
    [InlineData("{{ [1][::0] }}")]
    [InlineData("{{ range(1, 2, 0) }}")]
    [InlineData("{{ 'a'.replace('', 'b') }}")]
    [InlineData("{{ 'a'.split('') }}")]
    [InlineData("{{ 'a'|trim(width=3) }}")]
    [InlineData("{{ namespace()|tojson }}")]
    [InlineData("{% set a.b = 1 %}")]
    [InlineData("{% set a, b = [1] %}")]
    [InlineData("{% for x in 1 %}{% endfor %}")]
    [InlineData("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}")]
    public void FailingTemplates_AreRefused(string source)
    {
        var error = Assert.Throws<ChatTemplateException>(() => Render(source));
        Assert.Equal(ChatTemplateErrorKind.Evaluation, error.Kind);
        Assert.Equal(1, error.Line);
    }

    [Theory]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}")]
    [InlineData("{{ range(9223372036854775807)|length }}")]
    [InlineData("{{ range(-9223372036854775807, 9223372036854775807, 1)|length }}")]
    [InlineData("{% set n = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}")]
    [InlineData("{% set n = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set n.s = n.s.replace('a', n.s) %}{% endfor %}")]
    [InlineData("{% set n = namespace(l=[1, 2]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}")]
    [InlineData("{% set n = namespace(l=[]) %}{% for i in range(100000) %}{% set n.l = [n.l] %}{% endfor %}{{ n.l }}")]
    [InlineData("{% set n = namespace(l=[], m=[]) %}{% for i in range(1000) %}{% set n.l = [n.l] %}{% set n.m = [n.m] %}{% endfor %}{{ n.l == n.m }}")]
    [InlineData("{% set n = namespace(l=[1]) %}{% for i in range(70) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l|tojson }}")]
    [InlineData("{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}")]
    public void RunawayTemplates_AreStopped(string source) =>
        Assert.Equal(ChatTemplateErrorKind.LimitExceeded, Assert.Throws<ChatTemplateException>(() => Render(source)).Kind);

    [Theory]
    [InlineData("(")]
    [InlineData("[")]
    [InlineData("{'a':")]
    [InlineData("-")]
    [InlineData("not ")]
    [InlineData("x[")]
    [InlineData("1 if ")]
    public void DeepExpressions_AreRefusedBeforeTheStackEnds(string unit)
    {
        var error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat(unit, Deep)), FixedTimeProvider.OfOracle));
        Assert.True(error.Kind is ChatTemplateErrorKind.LimitExceeded or ChatTemplateErrorKind.Syntax);
    }

    [Fact]
    public void LongChains_AreRefusedBeforeTheStackEnds() =>
        Assert.Equal(ChatTemplateErrorKind.LimitExceeded, Assert.Throws<ChatTemplateException>(() => Render("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", Deep)) + " }}")).Kind);

    [Theory]
    [InlineData("(", ")", 95)]
    [InlineData("{'a': ", "}", 95)]
    [InlineData("not ", "", 190)]
    [InlineData("1 + ", "", 390)]
    [InlineData("[m(", ")]|join", 40)]
    public void TheDeepestExpressionsAllowed_FitASmallStack(string open, string close, int levels)
    {
        var source = "{% macro m(x) %}{{ x }}{% endmacro %}{{ " + string.Concat(Enumerable.Repeat(open, levels)) + "1" + string.Concat(Enumerable.Repeat(close, levels)) + " }}";
        var text = "";
        var thread = new Thread(() => text = Render(source), SmallStack);
        thread.Start();
        thread.Join();
        Assert.NotEmpty(text);
    }

    [Fact]
    public void DeepBlocksAndLongTemplates_AreRefused()
    {
        Assert.Equal(ChatTemplateErrorKind.LimitExceeded, Assert.Throws<ChatTemplateException>(() => Render(string.Concat(Enumerable.Repeat("{% if 1 %}", 1000)))).Kind);
        Assert.Equal(ChatTemplateErrorKind.LimitExceeded, Assert.Throws<ChatTemplateException>(() => Render(new string('x', TemplateLimits.SourceLength + 1))).Kind);
    }

    [Fact]
    public void ArbitraryCuts_OfARealTemplate_GiveATextOrATypedError()
    {
        var cases = RenderingCase.Load(TestSupport.SharedFiles.Fixture("tokenization/renderings.json"));
        foreach (var (_, conversations) in cases)
        {
            var source = conversations[0].Template;
            for (var length = 0; length < source.Length; length += 7)
            {
                AssertTextOrTypedError(source[..length]);
                AssertTextOrTypedError(source[length..]);
                AssertTextOrTypedError(source.Remove(length, 1));
            }
        }
    }

    private static void AssertTextOrTypedError(string source)
    {
        try
        {
            Assert.NotNull(Render(source));
        }
        catch (ChatTemplateException error)
        {
            Assert.True(error.Line > 0 && error.Column > 0);
        }
    }

    private static string Render(string source) => ChatTemplate.Parse(source, FixedTimeProvider.OfOracle).Render([new("user", "Hi"), new("assistant", "Hello")], addGenerationPrompt: true).Text;
}

using Personalize.Core.Errors;
using Personalize.Core.Tokenization.Templates;
using Personalize.TestSupport;

namespace Personalize.Core.Tests.Tokenization.Templates;

/// <summary>What Jinja2, as transformers configures it, makes of the templates of released models.</summary>
public class RenderingOracleTests
{
    private const string Oracle = "oracles/chat-templates/renderings.json";
    private const string Fixture = "tokenization/renderings.json";

    [SharedFact(Oracle)]
    public void AllTemplates_RenderOrRefuseAsTheOracle()
    {
        var templates = RenderingCase.Load(SharedFiles.Resolve(Oracle));
        Assert.Equal(8, templates.Count);
        Assert.All(templates, template => Assert.Equal(13, template.Cases.Count));
        foreach (var (name, cases) in templates)
        {
            Check(name, cases);
        }
    }

    [Fact]
    public void CommittedTemplates_RenderOrRefuseAsTheOracle()
    {
        var templates = RenderingCase.Load(SharedFiles.Fixture(Fixture));
        Assert.Equal(3, templates.Count);
        foreach (var (name, cases) in templates)
        {
            Check(name, cases);
        }
    }

    private static void Check(string name, IReadOnlyList<RenderingCase> cases)
    {
        for (var i = 0; i < cases.Count; i++)
        {
            var (source, messages, addGenerationPrompt, variables, rendered, kind) = cases[i];
            var template = ChatTemplate.Parse(source, FixedTimeProvider.OfOracle);
            if (rendered is null)
            {
                var error = Assert.Throws<ChatTemplateException>(() => template.Render(messages, addGenerationPrompt, variables));
                Assert.Equal((name, i, kind), (name, i, error.Kind));
            }
            else
            {
                Assert.Equal((name, i, rendered), (name, i, template.Render(messages, addGenerationPrompt, variables).Text));
            }
        }
    }
}

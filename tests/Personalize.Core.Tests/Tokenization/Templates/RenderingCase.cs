using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Tokenization.Templates;

namespace Personalize.Core.Tests.Tokenization.Templates;

/// <summary>One conversation of <c>renderings.json</c> with what Jinja2 made of it.</summary>
internal sealed record RenderingCase(string Template, IReadOnlyList<PromptMessage> Messages, bool AddGenerationPrompt, TemplateVariables Variables, string? Rendered, ChatTemplateErrorKind Error)
{
    public static IReadOnlyList<(string Name, IReadOnlyList<RenderingCase> Cases)> Load(string path)
    {
        var root = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
        return [.. root.GetProperty("templates").EnumerateArray().Select(template => (
            template.GetProperty("name").GetString()!,
            (IReadOnlyList<RenderingCase>)[.. template.GetProperty("cases").EnumerateArray().Select(item => Read(template.GetProperty("template").GetString()!, item))]))];
    }

    private static RenderingCase Read(string template, JsonElement item) => new(
        template,
        [.. item.GetProperty("messages").EnumerateArray().Select(ReadMessage)],
        item.GetProperty("add_generation_prompt").GetBoolean(),
        new TemplateVariables
        {
            BeginningOfText = "<s>",
            EndOfText = "</s>",
            Values = new Dictionary<string, JsonElement> { ["tools"] = item.TryGetProperty("tools", out var tools) ? tools : JsonDocument.Parse("null").RootElement },
        },
        item.TryGetProperty("rendered", out var rendered) ? rendered.GetString() : null,

        // ValueError is what the oracle's raise_exception throws.
        item.TryGetProperty("error", out var error) && error.GetString()!.StartsWith("ValueError", StringComparison.Ordinal) ? ChatTemplateErrorKind.Refused : ChatTemplateErrorKind.Evaluation);

    private static PromptMessage ReadMessage(JsonElement message) => new(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!)
    {
        Fields = message.EnumerateObject().Where(field => field.Name is not ("role" or "content")).ToDictionary(field => field.Name, field => field.Value),
    };
}

using System.Text.Json;
using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>
/// A model's chat template: a fixed part of the Jinja language, interpreted with caps on steps, nesting and output, and without access to anything but the conversation.
/// Text keeps its provenance through every operation, so the prompt knows which characters came from people. Immutable; safe to share between threads.
/// </summary>
/// <remarks>
/// Line ends and indentation around tags are handled as Hugging Face's transformers configures Jinja (<c>trim_blocks</c>, <c>lstrip_blocks</c>).
/// Tags: <c>for</c>, <c>if</c>, <c>set</c>, <c>macro</c>, <c>break</c>, <c>continue</c>, <c>generation</c>, <c>raw</c>. Functions: <c>raise_exception</c>, <c>strftime_now</c>, <c>namespace</c>, <c>dict</c>, <c>range</c>.
/// </remarks>
public sealed class ChatTemplate
{
    private readonly TemplateSource _source;
    private readonly IReadOnlyList<Statement> _body;
    private readonly TimeProvider _timeProvider;

    private ChatTemplate(TemplateSource source, TimeProvider timeProvider)
    {
        _source = source;
        _timeProvider = timeProvider;
        _body = StatementParser.Parse(source);
    }

    /// <summary>Reads a template.</summary>
    /// <param name="source">The template's text (<c>tokenizer.chat_template</c>).</param>
    /// <param name="timeProvider">Where <c>strftime_now</c> takes the local time from.</param>
    /// <returns>The template, ready to render.</returns>
    /// <exception cref="ChatTemplateException">The text is malformed, too long, nested too deeply, or uses a part of the language that is not supported.</exception>
    public static ChatTemplate Parse(string source, TimeProvider timeProvider) => new(new TemplateSource(source), timeProvider);

    /// <summary>Writes a conversation the way the model was trained to read it.</summary>
    /// <param name="messages">The turns, oldest first. Their text, roles included, becomes untrusted ranges of the prompt.</param>
    /// <param name="addGenerationPrompt">Whether the start of the assistant's next turn is written at the end.</param>
    /// <param name="variables">What else the template can name; null for nothing.</param>
    /// <returns>The prompt.</returns>
    /// <exception cref="ChatTemplateException">The template refuses the conversation, asks for something that is not there, or exceeds a cap.</exception>
    public RenderedPrompt Render(IReadOnlyList<PromptMessage> messages, bool addGenerationPrompt, TemplateVariables? variables = null)
    {
        var context = new RenderContext(_source, _timeProvider);
        TemplateGlobals.AddTo(context.Globals);
        variables ??= new TemplateVariables();
        context.Globals.Set("bos_token", TemplateText.Trusted(variables.BeginningOfText));
        context.Globals.Set("eos_token", TemplateText.Trusted(variables.EndOfText));
        foreach (var (name, value) in variables.Values ?? Enumerable.Empty<KeyValuePair<string, JsonElement>>())
        {
            context.Globals.Set(name, TemplateJson.Read(context, value));
        }

        // These come last: a variable does not replace the conversation.
        context.Globals.Set("messages", new ListValue([.. messages.Select(message => ToValue(context, message))]));
        context.Globals.Set("add_generation_prompt", BooleanValue.Of(addGenerationPrompt));
        context.Execute(_body);
        var text = context.Output.Build();
        return new RenderedPrompt(text.Value, text.UntrustedRanges.ToArray());
    }

    private static MapValue ToValue(RenderContext context, PromptMessage message)
    {
        var fields = message.Fields?.Select(field => new KeyValuePair<TemplateText, TemplateValue>(TemplateText.Untrusted(field.Key), TemplateJson.Read(context, field.Value))) ?? [];
        return new MapValue([
            new(TemplateText.Trusted("role"), TemplateText.Untrusted(message.Role)),
            new(TemplateText.Trusted("content"), TemplateText.Untrusted(message.Content)),
            .. fields.Where(field => field.Key.Value is not ("role" or "content"))]);
    }
}

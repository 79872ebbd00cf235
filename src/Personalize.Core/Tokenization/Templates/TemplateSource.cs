using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>A template's text with line ends made one and the last one dropped, as Jinja reads it, and positions in it told as line and column.</summary>
internal sealed class TemplateSource
{
    public TemplateSource(string text)
    {
        Text = text;
        if (text.Length > TemplateLimits.SourceLength)
        {
            throw Error(ChatTemplateErrorKind.LimitExceeded, 0, $"longer than {TemplateLimits.SourceLength} characters");
        }

        Text = text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (Text.EndsWith('\n'))
        {
            Text = Text[..^1];
        }
    }

    public string Text { get; }

    public ChatTemplateException Error(ChatTemplateErrorKind kind, int position, string reason)
    {
        var before = Text.AsSpan(0, Math.Min(position, Text.Length));
        return new ChatTemplateException(kind, before.Count('\n') + 1, before.Length - before.LastIndexOf('\n'), reason);
    }

    public ChatTemplateException SyntaxError(int position, string reason) => Error(ChatTemplateErrorKind.Syntax, position, reason);
}

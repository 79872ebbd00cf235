using System.Text;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Builds a text and its untrusted ranges, up to the cap on texts.</summary>
internal sealed class TemplateTextBuilder(RenderContext context)
{
    private readonly StringBuilder _text = new();
    private readonly List<TextRange> _untrusted = [];

    public TemplateTextBuilder Append(TemplateText text) => Append(text, 0, text.Value.Length);

    public TemplateTextBuilder Append(TemplateText text, int start, int length)
    {
        if (length > TemplateLimits.TextLength - _text.Length)
        {
            throw context.Exceeded($"a text of more than {TemplateLimits.TextLength} characters");
        }

        context.ChargeText(length);
        foreach (var range in TextRanges.Slice(text.UntrustedRanges, start, length))
        {
            TextRanges.Append(_untrusted, new TextRange(_text.Length + range.Start, range.Length));
        }

        _text.Append(text.Value, start, length);
        return this;
    }

    public TemplateText Build() => new(_text.ToString(), [.. _untrusted]);
}

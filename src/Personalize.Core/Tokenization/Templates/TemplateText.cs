namespace Personalize.Core.Tokenization.Templates;

/// <summary>A string that knows which of its units came from people. Every operation of the template language keeps that knowledge.</summary>
internal sealed class TemplateText : TemplateValue
{
    private readonly TextRange[] _untrusted;

    public TemplateText(string value, TextRange[] untrusted)
    {
        Value = value;
        _untrusted = untrusted;
    }

    public static TemplateText Empty { get; } = Trusted("");

    public string Value { get; }

    public ReadOnlySpan<TextRange> UntrustedRanges => _untrusted;

    public override string Kind => "string";

    public override bool IsTrue => Value.Length > 0;

    /// <summary>A text of the template itself.</summary>
    public static TemplateText Trusted(string value) => new(value, []);

    /// <summary>A text that came from outside.</summary>
    public static TemplateText Untrusted(string value) => new(value, value.Length == 0 ? [] : [new TextRange(0, value.Length)]);

    /// <inheritdoc/>
    public override TemplateValue? GetAttribute(string name) => TextMethods.Find(this, name);

    public TemplateText Slice(int start, int length) =>
        length == Value.Length ? this : new TemplateText(Value.Substring(start, length), [.. TextRanges.Slice(_untrusted, start, length)]);

    /// <summary>Each unit replaced by one unit, so that the ranges stay.</summary>
    public TemplateText Map(Func<string, string> map)
    {
        var mapped = map(Value);
        return mapped.Length == Value.Length ? new TemplateText(mapped, _untrusted) : Untrusted(mapped);
    }

    /// <summary>The text with what came from people replaced by an ellipsis: fit for an error message.</summary>
    public string Redacted()
    {
        var result = Value;
        for (var i = _untrusted.Length - 1; i >= 0; i--)
        {
            result = string.Concat(result.AsSpan(0, _untrusted[i].Start), "…", result.AsSpan(_untrusted[i].End));
        }

        return result;
    }
}

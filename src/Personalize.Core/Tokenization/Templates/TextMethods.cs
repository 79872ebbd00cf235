using System.Buffers;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>The methods of strings, as of Python, all of which keep provenance.</summary>
internal static class TextMethods
{
    private static readonly SearchValues<char> WhitespaceValues = SearchValues.Create(PythonText.Whitespace);

    /// <summary>The method of a name, bound to its text, or null.</summary>
    public static FunctionValue? Find(TemplateText text, string name) => name switch
    {
        "strip" => Stripping(text, name, atStart: true, atEnd: true),
        "lstrip" => Stripping(text, name, atStart: true, atEnd: false),
        "rstrip" => Stripping(text, name, atStart: false, atEnd: true),
        "split" => new((context, arguments) => Split(context, text, arguments)),
        "replace" => new((context, arguments) => Replace(context, text, arguments)),
        "startswith" => Testing(text, name, (value, part) => value.StartsWith(part, StringComparison.Ordinal)),
        "endswith" => Testing(text, name, (value, part) => value.EndsWith(part, StringComparison.Ordinal)),
        "find" => new((context, arguments) => Search(context, text, arguments)),
        "upper" => new((context, arguments) => arguments.CheckNone(context, name, Upper(text))),
        "lower" => new((context, arguments) => arguments.CheckNone(context, name, Lower(text))),
        "capitalize" => new((context, arguments) => arguments.CheckNone(context, name, Capitalize(text))),
        "join" => new((context, arguments) => TemplateOperations.Join(context, TemplateOperations.Iterate(context, arguments.CheckCount(context, name, 1, 1).Positional[0]), text)),
        _ => null,
    };

    public static TemplateText Strip(TemplateText text, string? characters, bool atStart, bool atEnd)
    {
        var set = characters ?? PythonText.Whitespace;
        var rest = text.Value.AsSpan();
        rest = atEnd ? rest.TrimEnd(set) : rest;
        var length = rest.Length;
        rest = atStart ? rest.TrimStart(set) : rest;
        return text.Slice(length - rest.Length, rest.Length);
    }

    public static TemplateText Upper(TemplateText text) => text.Map(value => value.ToUpperInvariant());

    public static TemplateText Lower(TemplateText text) => text.Map(value => value.ToLowerInvariant());

    public static TemplateText Capitalize(TemplateText text) => text.Map(value => value.Length == 0 ? value : char.ToUpperInvariant(value[0]) + value[1..].ToLowerInvariant());

    public static TemplateText Replace(RenderContext context, TemplateText text, CallArguments arguments)
    {
        arguments.CheckCount(context, "replace", 2, 3, "count");
        var old = arguments.TakeText(context, 0, "old");
        var replacement = arguments.TakeText(context, 1, "new");
        var left = arguments.TakeInteger(context, 2, "count") ?? -1;
        if (old is null || replacement is null || old.Value.Length == 0)
        {
            throw context.Fail("replace needs a text to look for that is not empty, and a text to put there");
        }

        var result = new TemplateTextBuilder(context);
        var start = 0;
        for (var at = NextMatch(text, old, start); at >= 0 && left != 0; at = NextMatch(text, old, start), left--)
        {
            context.Charge(1);
            result.Append(text, start, at - start).Append(replacement);
            start = at + old.Value.Length;
        }

        return result.Append(text, start, text.Value.Length - start).Build();
    }

    private static int NextMatch(TemplateText text, TemplateText part, int start) => text.Value.IndexOf(part.Value, start, StringComparison.Ordinal);

    private static FunctionValue Stripping(TemplateText text, string name, bool atStart, bool atEnd) => new((context, arguments) =>
        Strip(text, arguments.CheckCount(context, name, 0, 1).TakeText(context, 0, "chars")?.Value, atStart, atEnd));

    private static FunctionValue Testing(TemplateText text, string name, Func<string, string, bool> test) => new((context, arguments) =>
    {
        var part = arguments.CheckCount(context, name, 1, 1).Positional[0];
        var parts = part is ListValue list ? list.Items : [part];
        return BooleanValue.Of(parts.Any(item => item is TemplateText candidate ? test(text.Value, candidate.Value) : throw context.Fail($"{name} needs a string, not {item.Kind}")));
    });

    private static IntegerValue Search(RenderContext context, TemplateText text, CallArguments arguments)
    {
        var part = arguments.CheckCount(context, "find", 1, 1).TakeText(context, 0, "sub") ?? throw context.Fail("find needs a string");
        var at = NextMatch(text, part, 0);
        return new IntegerValue(at < 0 ? -1 : PythonText.Length(text.Value[..at]));
    }

    private static ListValue Split(RenderContext context, TemplateText text, CallArguments arguments)
    {
        arguments.CheckCount(context, "split", 0, 2, "sep", "maxsplit");
        var separator = arguments.TakeText(context, 0, "sep");
        var left = arguments.TakeInteger(context, 1, "maxsplit") ?? -1;
        if (separator is { Value.Length: 0 })
        {
            throw context.Fail("split needs a separator that is not empty");
        }

        return new ListValue(separator is null ? SplitWords(context, text, left) : SplitAt(context, text, separator, left));
    }

    private static List<TemplateText> SplitAt(RenderContext context, TemplateText text, TemplateText separator, long left)
    {
        var parts = new List<TemplateText>();
        var start = 0;
        for (var at = NextMatch(text, separator, 0); at >= 0 && left != 0; at = NextMatch(text, separator, start), left--)
        {
            Add(context, parts, text.Slice(start, at - start));
            start = at + separator.Value.Length;
        }

        Add(context, parts, text.Slice(start, text.Value.Length - start));
        return parts;
    }

    private static List<TemplateText> SplitWords(RenderContext context, TemplateText text, long left)
    {
        var words = new List<TemplateText>();
        var rest = text.Value.AsSpan().TrimStart(PythonText.Whitespace);
        while (!rest.IsEmpty)
        {
            // What is left after the last split keeps the white space at its end.
            var end = left == 0 ? rest.Length : rest.IndexOfAny(WhitespaceValues);
            end = end < 0 ? rest.Length : end;
            Add(context, words, text.Slice(text.Value.Length - rest.Length, end));
            rest = left == 0 ? [] : rest[end..].TrimStart(PythonText.Whitespace);
            left--;
        }

        return words;
    }

    private static void Add(RenderContext context, List<TemplateText> parts, TemplateText part)
    {
        context.Charge(1);
        context.ChargeText(part.Value.Length);
        parts.Add(part);
        if (parts.Count > TemplateLimits.ListLength)
        {
            context.ChargeList(parts.Count);
        }
    }
}

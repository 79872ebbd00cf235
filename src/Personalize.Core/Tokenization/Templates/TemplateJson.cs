using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>JSON as Python's <c>json</c> module writes it, and values out of parsed JSON.</summary>
internal static class TemplateJson
{
    /// <summary>A value that came from outside: all its text, keys included, is untrusted.</summary>
    public static TemplateValue Read(RenderContext context, JsonElement element, int depth = 0)
    {
        context.Charge(1);
        if (depth > TemplateLimits.Nesting)
        {
            throw context.Exceeded("a variable nested too deeply");
        }

        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return ReadText(context, element);
            case JsonValueKind.Number:
                return element.TryGetInt64(out var integer) ? new IntegerValue(integer) : new FloatValue(element.GetDouble());
            case JsonValueKind.True or JsonValueKind.False:
                return BooleanValue.Of(element.ValueKind == JsonValueKind.True);
            case JsonValueKind.Null:
                return NoneValue.Instance;
            case JsonValueKind.Array:
                context.ChargeList(element.GetArrayLength());
                return new ListValue([.. element.EnumerateArray().Select(item => Read(context, item, depth + 1))]);
            case JsonValueKind.Object:
                return new MapValue(element.EnumerateObject().Select(property =>
                    new KeyValuePair<TemplateText, TemplateValue>(TemplateText.Untrusted(property.Name), Read(context, property.Value, depth + 1))));
            default:
                return new UndefinedValue(null);
        }
    }

    /// <summary>The JSON of a value. Always untrusted: brackets and quotes, too, are shaped by data.</summary>
    /// <param name="context">The rendering.</param>
    /// <param name="value">The value.</param>
    /// <param name="indent">Spaces a level, or null for one line.</param>
    /// <param name="asciiOnly">Whether other characters are written as escapes.</param>
    public static TemplateText Write(RenderContext context, TemplateValue value, int? indent, bool asciiOnly)
    {
        var writer = new Writer(context, indent, asciiOnly);
        writer.Append(value, 0);
        return TemplateText.Untrusted(writer.ToString());
    }

    private static TemplateText ReadText(RenderContext context, JsonElement element)
    {
        try
        {
            return TemplateText.Untrusted(element.GetString()!);
        }
        catch (InvalidOperationException)
        {
            // An escaped lone surrogate.
            throw context.Fail("a variable holds a string that is not valid Unicode");
        }
    }

    private sealed class Writer(RenderContext context, int? indent, bool asciiOnly)
    {
        private readonly StringBuilder _output = new();

        public override string ToString() => _output.ToString();

        public void Append(TemplateValue value, int depth)
        {
            context.Charge(1);
            if (depth > TemplateLimits.Nesting || _output.Length > TemplateLimits.TextLength)
            {
                throw context.Exceeded("a value too deep or too long to write as JSON");
            }

            switch (value)
            {
                case TemplateText text:
                    AppendString(text.Value);
                    break;
                case ListValue list:
                    AppendSequence('[', ']', list.Items, depth, item => Append(item, depth + 1));
                    break;
                case MapValue map:
                    AppendSequence('{', '}', map.Entries, depth, entry =>
                    {
                        AppendString(entry.Key.Value);
                        _output.Append(": ");
                        Append(entry.Value, depth + 1);
                    });
                    break;
                case BooleanValue boolean:
                    _output.Append(boolean.Value ? "true" : "false");
                    break;
                case NoneValue:
                    _output.Append("null");
                    break;
                case IntegerValue or FloatValue:
                    _output.Append(TemplateOperations.ToText(context, value).Value);
                    break;
                default:
                    throw context.Fail($"{value.Kind} cannot be written as JSON");
            }
        }

        private void AppendSequence<T>(char open, char close, IReadOnlyList<T> items, int depth, Action<T> append)
        {
            _output.Append(open);
            for (var i = 0; i < items.Count; i++)
            {
                _output.Append(i == 0 ? "" : indent is null ? ", " : ",");
                AppendLineStart(depth + 1);
                append(items[i]);
            }

            if (items.Count > 0)
            {
                AppendLineStart(depth);
            }

            _output.Append(close);
        }

        private void AppendLineStart(int depth)
        {
            if (indent is int width)
            {
                _output.Append('\n').Append(' ', width * depth);
            }
        }

        private void AppendString(string text)
        {
            context.ChargeText(text.Length);
            _output.Append('"');
            foreach (var character in text)
            {
                _ = character switch
                {
                    '"' => _output.Append("\\\""),
                    '\\' => _output.Append(@"\\"),
                    '\n' => _output.Append(@"\n"),
                    '\r' => _output.Append(@"\r"),
                    '\t' => _output.Append(@"\t"),
                    '\b' => _output.Append(@"\b"),
                    '\f' => _output.Append(@"\f"),
                    < ' ' => AppendEscape(character),
                    > '\u007F' when asciiOnly => AppendEscape(character),
                    _ => _output.Append(character),
                };
            }

            _output.Append('"');
        }

        private StringBuilder AppendEscape(char character) => _output.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}");
    }
}

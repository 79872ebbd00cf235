using System.Globalization;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>What stands after <c>|</c>.</summary>
internal static class TemplateFilters
{
    private static readonly Dictionary<string, Func<RenderContext, TemplateValue, CallArguments, TemplateValue>> Filters = new(StringComparer.Ordinal)
    {
        ["abs"] = Absolute,
        ["capitalize"] = (context, value, arguments) => arguments.CheckNone(context, "capitalize", TextMethods.Capitalize(Text(context, value))),
        ["count"] = Count,
        ["d"] = Default,
        ["default"] = Default,
        ["first"] = (context, value, arguments) => arguments.CheckNone(context, "first", At(context, value, fromEnd: false)),
        ["float"] = ToFloat,
        ["int"] = ToInteger,
        ["items"] = Items,
        ["join"] = Join,
        ["last"] = (context, value, arguments) => arguments.CheckNone(context, "last", At(context, value, fromEnd: true)),
        ["length"] = Count,
        ["list"] = (context, value, arguments) => arguments.CheckNone(context, "list", new ListValue(TemplateOperations.Iterate(context, value))),
        ["lower"] = (context, value, arguments) => arguments.CheckNone(context, "lower", TextMethods.Lower(Text(context, value))),
        ["map"] = Map,
        ["reject"] = (context, value, arguments) => Select(context, value, arguments, byAttribute: false, keeps: false),
        ["rejectattr"] = (context, value, arguments) => Select(context, value, arguments, byAttribute: true, keeps: false),
        ["replace"] = (context, value, arguments) => TextMethods.Replace(context, Text(context, value), arguments),
        ["reverse"] = (context, value, arguments) => arguments.CheckNone(context, "reverse", TemplateSlices.Apply(context, value, null, null, -1)),
        ["safe"] = (context, value, arguments) => arguments.CheckNone(context, "safe", value),
        ["select"] = (context, value, arguments) => Select(context, value, arguments, byAttribute: false, keeps: true),
        ["selectattr"] = (context, value, arguments) => Select(context, value, arguments, byAttribute: true, keeps: true),
        ["string"] = (context, value, arguments) => arguments.CheckNone(context, "string", Text(context, value)),
        ["tojson"] = ToJson,
        ["trim"] = (context, value, arguments) => TextMethods.Strip(Text(context, value), arguments.CheckCount(context, "trim", 0, 1, "chars").TakeText(context, 0, "chars")?.Value, atStart: true, atEnd: true),
        ["upper"] = (context, value, arguments) => arguments.CheckNone(context, "upper", TextMethods.Upper(Text(context, value))),
    };

    public static Func<RenderContext, TemplateValue, CallArguments, TemplateValue>? Find(string name) => Filters.GetValueOrDefault(name);

    private static TemplateText Text(RenderContext context, TemplateValue value) => TemplateOperations.ToText(context, value);

    private static TemplateValue At(RenderContext context, TemplateValue value, bool fromEnd)
    {
        var items = TemplateOperations.Iterate(context, value);
        return items.Count == 0 ? new UndefinedValue("first or last of nothing") : items[fromEnd ? items.Count - 1 : 0];
    }

    private static IntegerValue Count(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "length", 0, 0);
        return new IntegerValue(TemplateOperations.Length(context, value));
    }

    private static TemplateValue Default(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "default", 0, 2, "default_value", "boolean");
        var replacesFalse = arguments.Take(1, "boolean") is { IsTrue: true };
        return value is UndefinedValue || (replacesFalse && !value.IsTrue) ? arguments.Take(0, "default_value") ?? TemplateText.Empty : value;
    }

    private static TemplateValue Absolute(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "abs", 0, 0);
        return value switch
        {
            IntegerValue { Value: > long.MinValue } integer => new IntegerValue(Math.Abs(integer.Value)),
            FloatValue number => new FloatValue(Math.Abs(number.Value)),
            _ => throw context.Fail($"{value.Kind} has no absolute value"),
        };
    }

    private static TemplateValue ToInteger(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "int", 0, 1, "default");
        var number = value switch
        {
            IntegerValue integer => integer.Value,
            BooleanValue boolean => boolean.Value ? 1 : 0,
            FloatValue { Value: > -9e18 and < 9e18 } real => (long)real.Value,
            TemplateText text when long.TryParse(text.Value, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var parsed) => parsed,
            TemplateText text when double.TryParse(text.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) && Math.Abs(parsed) < 9e18 => (long)parsed,
            _ => (long?)null,
        };
        return number is long found ? new IntegerValue(found) : arguments.Take(0, "default") ?? new IntegerValue(0);
    }

    private static TemplateValue ToFloat(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "float", 0, 1, "default");
        if (TemplateArithmetic.TryGetNumber(value, out var number) || (value is TemplateText text && double.TryParse(text.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out number)))
        {
            return new FloatValue(number);
        }

        return arguments.Take(0, "default") ?? new FloatValue(0);
    }

    private static ListValue Items(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "items", 0, 0);
        return value switch
        {
            MapValue map => MapMethods.Items(map),
            UndefinedValue => new ListValue([]),
            _ => throw context.Fail($"{value.Kind} has no items"),
        };
    }

    private static TemplateText Join(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "join", 0, 2, "d", "attribute");
        var items = TemplateOperations.Iterate(context, value);
        if (arguments.TakeText(context, 1, "attribute") is { } path)
        {
            items = [.. items.Select(item => Follow(context, item, path))];
        }

        return TemplateOperations.Join(context, items, Text(context, arguments.Take(0, "d") ?? TemplateText.Empty));
    }

    private static ListValue Map(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        var items = TemplateOperations.Iterate(context, value);
        context.ChargeList(items.Count);
        if (arguments.Positional.Count == 0)
        {
            arguments.CheckCount(context, "map", 0, 0, "attribute", "default");
            var path = arguments.TakeText(context, 0, "attribute") ?? throw context.Fail("map needs an attribute or a filter");
            return new ListValue([.. items.Select(item => Follow(context, item, path) is var found && found is UndefinedValue ? arguments.Take(1, "default") ?? found : found)]);
        }

        var filter = (arguments.TakeText(context, 0, "filter") is { } name ? Find(name.Value) : null) ?? throw context.Fail("map names a filter that is not there");
        var rest = new CallArguments([.. arguments.Positional.Skip(1)], arguments.Named);
        return new ListValue([.. items.Select(item => filter(context, item, rest))]);
    }

    private static ListValue Select(RenderContext context, TemplateValue value, CallArguments arguments, bool byAttribute, bool keeps)
    {
        var first = byAttribute ? 1 : 0;
        arguments.CheckCount(context, "select", first, int.MaxValue);
        var path = byAttribute ? arguments.TakeText(context, 0, "attribute") : null;
        Func<RenderContext, TemplateValue, CallArguments, bool>? test = null;
        if (arguments.Positional.Count > first)
        {
            test = (arguments.TakeText(context, first, "test") is { } name ? TemplateTests.Find(name.Value) : null) ?? throw context.Fail("select names a test that is not there");
        }

        var rest = new CallArguments([.. arguments.Positional.Skip(first + 1)], arguments.Named);
        var items = TemplateOperations.Iterate(context, value);
        context.ChargeList(items.Count);
        return new ListValue([.. items.Where(item =>
        {
            var subject = path is null ? item : Follow(context, item, path);
            return (test is null ? subject.IsTrue : test(context, subject, rest)) == keeps;
        })]);
    }

    /// <summary>Goes along a path of names or positions, separated by dots.</summary>
    private static TemplateValue Follow(RenderContext context, TemplateValue value, TemplateText path)
    {
        var start = 0;
        while (start <= path.Value.Length)
        {
            var dot = path.Value.IndexOf('.', start);
            var part = path.Slice(start, (dot < 0 ? path.Value.Length : dot) - start);
            value = TemplateOperations.GetItem(context, value, long.TryParse(part.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? new IntegerValue(index) : part);
            start += part.Value.Length + 1;
        }

        return value;
    }

    private static TemplateText ToJson(RenderContext context, TemplateValue value, CallArguments arguments)
    {
        arguments.CheckCount(context, "tojson", 0, 0, "indent", "ensure_ascii", "sort_keys");
        var indent = arguments.TakeInteger(context, 0, "indent");
        if (indent is < 0 or > 16 || arguments.Take(0, "sort_keys") is { IsTrue: true })
        {
            throw context.Fail("tojson takes an indent of 0 to 16 and does not sort keys");
        }

        return TemplateJson.Write(context, value, (int?)indent, asciiOnly: arguments.Take(0, "ensure_ascii") is { IsTrue: true });
    }
}

using System.Text;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>What operators, loops and output do with values of each kind, as Python and Jinja define it.</summary>
internal static class TemplateOperations
{
    private const int DeepestComparison = 100;

    public static TemplateValue Add(RenderContext context, TemplateValue left, TemplateValue right)
    {
        if (left is TemplateText first && right is TemplateText second)
        {
            return new TemplateTextBuilder(context).Append(first).Append(second).Build();
        }

        if (left is ListValue start && right is ListValue end)
        {
            context.ChargeList((long)start.Items.Count + end.Items.Count);
            return new ListValue([.. start.Items, .. end.Items]);
        }

        return TemplateArithmetic.Apply(context, "+", left, right);
    }

    public static bool AreEqual(RenderContext context, TemplateValue left, TemplateValue right, int depth = 0)
    {
        if (depth > DeepestComparison)
        {
            throw context.Exceeded("values nested too deeply to compare");
        }

        if (TemplateArithmetic.TryGetNumber(left, out var first) && TemplateArithmetic.TryGetNumber(right, out var second))
        {
            return left is IntegerValue a && right is IntegerValue b ? a.Value == b.Value : first.Equals(second);
        }

        return (left, right) switch
        {
            (TemplateText a, TemplateText b) => string.Equals(a.Value, b.Value, StringComparison.Ordinal),
            (NoneValue, NoneValue) or (UndefinedValue, UndefinedValue) => true,
            (ListValue a, ListValue b) => AreEqual(context, a, b, depth),
            (MapValue a, MapValue b) => AreEqual(context, a, b, depth),
            _ => ReferenceEquals(left, right),
        };
    }

    public static int Compare(RenderContext context, TemplateValue left, TemplateValue right)
    {
        if (TemplateArithmetic.TryGetNumber(left, out var first) && TemplateArithmetic.TryGetNumber(right, out var second))
        {
            return left is IntegerValue a && right is IntegerValue b ? a.Value.CompareTo(b.Value) : first.CompareTo(second);
        }

        return left is TemplateText x && right is TemplateText y ? string.CompareOrdinal(x.Value, y.Value) : throw context.Fail($"{left.Kind} and {right.Kind} have no order");
    }

    public static bool Contains(RenderContext context, TemplateValue container, TemplateValue item) => container switch
    {
        TemplateText text => item is TemplateText part ? text.Value.Contains(part.Value, StringComparison.Ordinal) : throw context.Fail($"a string cannot contain {item.Kind}"),
        MapValue map => item is TemplateText key && map.Contains(key.Value),
        ListValue list => Contains(context, list, item),
        UndefinedValue => false,
        _ => throw context.Fail($"{container.Kind} cannot contain anything"),
    };

    public static TemplateValue GetAttribute(RenderContext context, TemplateValue target, string name)
    {
        ThrowIfUndefined(context, target);
        return target.GetAttribute(name) ?? new UndefinedValue(name);
    }

    public static TemplateValue GetItem(RenderContext context, TemplateValue target, TemplateValue index)
    {
        ThrowIfUndefined(context, target);
        if (index is TemplateText key)
        {
            // Items come before methods here; with a dot it is the other way round.
            return target is MapValue map && map.TryGet(key.Value, out var item) ? item
                : target.GetAttribute(key.Value) ?? new UndefinedValue(key.UntrustedRanges.IsEmpty ? key.Value : null);
        }

        if (index is not IntegerValue integer || target is not (ListValue or TemplateText))
        {
            return new UndefinedValue(null);
        }

        var count = Length(context, target);
        var position = integer.Value < 0 ? integer.Value + count : integer.Value;
        if (position < 0 || position >= count)
        {
            return new UndefinedValue($"element {integer.Value}");
        }

        return target is ListValue list ? list.Items[(int)position] : TemplateSlices.CodePoints((TemplateText)target, (int)position, (int)position + 1);
    }

    public static IReadOnlyList<TemplateValue> Iterate(RenderContext context, TemplateValue value)
    {
        switch (value)
        {
            case ListValue list:
                return list.Items;
            case MapValue map:
                return [.. map.Entries.Select(entry => entry.Key)];
            case TemplateText text:
                var offsets = PythonText.Offsets(text.Value);
                context.ChargeList(offsets.Length);
                return [.. offsets.SkipLast(1).Select((offset, i) => text.Slice(offset, offsets[i + 1] - offset))];
            case UndefinedValue:
                return [];
            default:
                throw context.Fail($"{value.Kind} cannot be iterated over");
        }
    }

    public static int Length(RenderContext context, TemplateValue value) => value switch
    {
        ListValue list => list.Items.Count,
        MapValue map => map.Entries.Count,
        TemplateText text => PythonText.Length(text.Value),
        UndefinedValue => 0,
        _ => throw context.Fail($"{value.Kind} has no length"),
    };

    public static TemplateText Join(RenderContext context, IReadOnlyList<TemplateValue> items, TemplateText separator)
    {
        var result = new TemplateTextBuilder(context);
        for (var i = 0; i < items.Count; i++)
        {
            context.Charge(1);
            result.Append(i == 0 ? TemplateText.Empty : separator).Append(ToText(context, items[i]));
        }

        return result.Build();
    }

    /// <summary>What output writes. Lists and dictionaries count as untrusted throughout: their brackets, too, are shaped by data.</summary>
    public static TemplateText ToText(RenderContext context, TemplateValue value)
    {
        switch (value)
        {
            case TemplateText text:
                return text;
            case ListValue or MapValue:
                var output = new StringBuilder();
                AppendRepresentation(context, output, value, 0);
                return TemplateText.Untrusted(output.ToString());
            default:
                return TemplateText.Trusted(ScalarText(value));
        }
    }

    private static string ScalarText(TemplateValue value) => value switch
    {
        UndefinedValue => "",
        NoneValue => "None",
        BooleanValue boolean => boolean.Value ? "True" : "False",
        IntegerValue integer => $"{integer.Value}",
        FloatValue number => PythonText.Float(number.Value),
        _ => $"<{value.Kind}>",
    };

    private static void AppendRepresentation(RenderContext context, StringBuilder output, TemplateValue value, int depth)
    {
        context.Charge(1);
        if (depth > DeepestComparison || output.Length > TemplateLimits.TextLength)
        {
            throw context.Exceeded("a value too deep or too long to write");
        }

        switch (value)
        {
            case TemplateText text:
                context.ChargeText(text.Value.Length);
                PythonText.AppendRepresentation(output, text.Value);
                break;
            case ListValue list:
                AppendSequence(output.Append('['), list.Items, item => AppendRepresentation(context, output, item, depth + 1)).Append(']');
                break;
            case MapValue map:
                AppendSequence(output.Append('{'), map.Entries, entry =>
                {
                    AppendRepresentation(context, output, entry.Key, depth + 1);
                    output.Append(": ");
                    AppendRepresentation(context, output, entry.Value, depth + 1);
                }).Append('}');
                break;
            default:
                output.Append(ScalarText(value));
                break;
        }
    }

    private static StringBuilder AppendSequence<T>(StringBuilder output, IReadOnlyList<T> items, Action<T> append)
    {
        for (var i = 0; i < items.Count; i++)
        {
            output.Append(i == 0 ? "" : ", ");
            append(items[i]);
        }

        return output;
    }

    private static bool Contains(RenderContext context, ListValue list, TemplateValue item)
    {
        context.ChargeList(list.Items.Count);
        return list.Items.Any(candidate => AreEqual(context, candidate, item));
    }

    private static bool AreEqual(RenderContext context, ListValue left, ListValue right, int depth)
    {
        context.ChargeList(left.Items.Count);
        return left.Items.Count == right.Items.Count && left.Items.Zip(right.Items).All(pair => AreEqual(context, pair.First, pair.Second, depth + 1));
    }

    private static bool AreEqual(RenderContext context, MapValue left, MapValue right, int depth)
    {
        context.ChargeList(left.Entries.Count);
        return left.Entries.Count == right.Entries.Count
            && left.Entries.All(entry => right.TryGet(entry.Key.Value, out var other) && AreEqual(context, entry.Value, other, depth + 1));
    }

    private static void ThrowIfUndefined(RenderContext context, TemplateValue target)
    {
        if (target is UndefinedValue undefined)
        {
            throw context.Fail(undefined.Name is null ? "a field is read of something that is not there" : $"\"{undefined.Name}\" is not there");
        }
    }
}

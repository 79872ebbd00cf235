namespace Personalize.Core.Tokenization.Templates;

/// <summary>Python's slices of lists and strings.</summary>
internal static class TemplateSlices
{
    /// <summary><c>target[start:stop:step]</c>, each of which may be left out.</summary>
    public static TemplateValue Apply(RenderContext context, TemplateValue target, long? start, long? stop, long? step)
    {
        if (target is not (ListValue or TemplateText))
        {
            throw context.Fail($"{target.Kind} cannot be sliced");
        }

        var count = TemplateOperations.Length(context, target);
        var stride = step ?? 1;
        if (stride == 0)
        {
            throw context.Fail("a slice has step 0");
        }

        var lowest = stride > 0 ? 0 : -1;
        var highest = stride > 0 ? count : count - 1;
        var from = start is null ? (stride > 0 ? lowest : highest) : Clamp(start.Value, count, lowest, highest);
        var to = stop is null ? (stride > 0 ? highest : lowest) : Clamp(stop.Value, count, lowest, highest);
        if (target is TemplateText whole && stride == 1)
        {
            return CodePoints(whole, (int)from, (int)Math.Max(from, to));
        }

        var items = TemplateOperations.Iterate(context, target);
        var kept = new List<TemplateValue>();
        for (Int128 i = from; stride > 0 ? i < to : i > to; i += stride)
        {
            kept.Add(items[(int)i]);
        }

        context.ChargeList(kept.Count);
        return target is ListValue ? new ListValue(kept) : TemplateOperations.Join(context, kept, TemplateText.Empty);
    }

    /// <summary>A part of a text, counted in code points.</summary>
    public static TemplateText CodePoints(TemplateText text, int start, int end)
    {
        if (!text.Value.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return text.Slice(start, end - start);
        }

        var offsets = PythonText.Offsets(text.Value);
        return text.Slice(offsets[start], offsets[end] - offsets[start]);
    }

    private static long Clamp(long index, int count, long lowest, long highest) => Math.Clamp(index < 0 ? index + count : index, lowest, highest);
}

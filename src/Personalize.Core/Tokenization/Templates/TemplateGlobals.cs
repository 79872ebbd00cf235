namespace Personalize.Core.Tokenization.Templates;

/// <summary>The functions that every template can call.</summary>
internal static class TemplateGlobals
{
    public static void AddTo(TemplateScope scope)
    {
        scope.Set("raise_exception", new FunctionValue(Raise));
        scope.Set("strftime_now", new FunctionValue((context, arguments) =>
            TemplateText.Trusted(PythonTime.Format(context, arguments.CheckCount(context, "strftime_now", 1, 1).TakeText(context, 0, "format")?.Value ?? ""))));
        scope.Set("namespace", new FunctionValue(CreateNamespace));
        scope.Set("dict", new FunctionValue((context, arguments) => new MapValue(arguments.CheckCount(context, "dict", 0, 0, [.. arguments.Named.Keys]).Named
            .Select(entry => new KeyValuePair<TemplateText, TemplateValue>(TemplateText.Trusted(entry.Key), entry.Value)))));
        scope.Set("range", new FunctionValue(Range));
    }

    // The reason may quote the conversation ("role X is not known"), which must not reach a message or a log.
    private static TemplateValue Raise(RenderContext context, CallArguments arguments) =>
        throw context.Refuse($"the template refuses the conversation: {arguments.CheckCount(context, "raise_exception", 1, 1).TakeText(context, 0, "message")?.Redacted()}");

    private static NamespaceValue CreateNamespace(RenderContext context, CallArguments arguments)
    {
        var result = new NamespaceValue();
        arguments.CheckCount(context, "namespace", 0, 1, [.. arguments.Named.Keys]);
        if (arguments.Positional is [MapValue initial])
        {
            foreach (var (key, value) in initial.Entries)
            {
                result.Fields[key.Value] = value;
            }
        }

        foreach (var (name, value) in arguments.Named)
        {
            result.Fields[name] = value;
        }

        return result;
    }

    private static ListValue Range(RenderContext context, CallArguments arguments)
    {
        arguments.CheckCount(context, "range", 1, 3);
        var first = arguments.TakeInteger(context, 0, "start") ?? 0;
        var second = arguments.TakeInteger(context, 1, "stop");
        var step = arguments.TakeInteger(context, 2, "step") ?? 1;
        var (start, stop) = second is long end ? (first, end) : (0, first);
        if (step == 0)
        {
            throw context.Fail("range has step 0");
        }

        var distance = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        var width = Int128.Abs(step);
        var count = distance <= 0 ? 0 : (distance + width - 1) / width;
        context.ChargeList((long)Int128.Min(count, long.MaxValue));
        return new ListValue([.. Enumerable.Range(0, (int)count).Select(i => new IntegerValue(start + (i * step)))]);
    }
}

namespace Personalize.Core.Tokenization.Templates;

/// <summary>The evaluated arguments of a call, filter or test.</summary>
/// <param name="positional">Those without a name.</param>
/// <param name="named">Those with one.</param>
internal sealed class CallArguments(IReadOnlyList<TemplateValue> positional, IReadOnlyDictionary<string, TemplateValue> named)
{
    public static CallArguments None { get; } = new([], new Dictionary<string, TemplateValue>(StringComparer.Ordinal));

    public IReadOnlyList<TemplateValue> Positional => positional;

    public IReadOnlyDictionary<string, TemplateValue> Named => named;

    /// <summary>An argument by place or name, or null where it is not given.</summary>
    public TemplateValue? Take(int index, string name) => index < positional.Count ? positional[index] : named.GetValueOrDefault(name);

    /// <summary>A text argument, or null where it is not given or none.</summary>
    public TemplateText? TakeText(RenderContext context, int index, string name) => Take(index, name) switch
    {
        null or NoneValue => null,
        TemplateText text => text,
        var other => throw context.Fail($"{name} has to be a string, not {other.Kind}"),
    };

    /// <summary>An integer argument, or null where it is not given or none.</summary>
    public long? TakeInteger(RenderContext context, int index, string name) => Take(index, name) switch
    {
        null or NoneValue => null,
        IntegerValue integer => integer.Value,
        var other => throw context.Fail($"{name} has to be an integer, not {other.Kind}"),
    };

    /// <summary>Refuses too few or too many arguments, and names that the function does not know.</summary>
    public CallArguments CheckCount(RenderContext context, string function, int minimum, int maximum, params ReadOnlySpan<string> names)
    {
        if (positional.Count < minimum || positional.Count > maximum)
        {
            throw context.Fail($"{function} takes {(minimum == maximum ? $"{minimum}" : $"{minimum} to {maximum}")} arguments, not {positional.Count}");
        }

        foreach (var name in named.Keys)
        {
            if (!names.Contains(name))
            {
                throw context.Fail($"{function} has no argument {name} here");
            }
        }

        return this;
    }

    /// <summary>Refuses any argument, else gives the result.</summary>
    public T CheckNone<T>(RenderContext context, string function, T result)
        where T : TemplateValue
    {
        CheckCount(context, function, 0, 0);
        return result;
    }
}

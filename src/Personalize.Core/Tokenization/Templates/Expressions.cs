namespace Personalize.Core.Tokenization.Templates;

internal sealed class ConstantExpression(int position, TemplateValue value) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => value;
}

internal sealed class NameExpression(int position, string name) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => context.Scope.TryGet(name, out var value) ? value : new UndefinedValue(name);
}

internal sealed class ListExpression(int position, IReadOnlyList<Expression> items) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => new ListValue([.. items.Select(context.Evaluate)]);
}

internal sealed class MapExpression(int position, IReadOnlyList<KeyValuePair<Expression, Expression>> entries) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => new MapValue([.. entries.Select(entry => new KeyValuePair<TemplateText, TemplateValue>(
        context.Evaluate(entry.Key) as TemplateText ?? throw context.Fail("a dictionary's key has to be a string"),
        context.Evaluate(entry.Value)))]);
}

/// <summary><c>target.name</c>: methods come before items.</summary>
internal sealed class AttributeExpression(int position, Expression target, string name) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => TemplateOperations.GetAttribute(context, context.Evaluate(target), name);
}

/// <summary><c>target[index]</c>: items come before methods.</summary>
internal sealed class IndexExpression(int position, Expression target, Expression index) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => TemplateOperations.GetItem(context, context.Evaluate(target), context.Evaluate(index));
}

internal sealed class SliceExpression(int position, Expression target, Expression? start, Expression? stop, Expression? step) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) =>
        TemplateSlices.Apply(context, context.Evaluate(target), Bound(context, start), Bound(context, stop), Bound(context, step));

    private static long? Bound(RenderContext context, Expression? bound) => bound is null ? null : context.Evaluate(bound) switch
    {
        NoneValue => null,
        IntegerValue integer => integer.Value,
        var other => throw context.Fail($"a slice's bound has to be an integer, not {other.Kind}"),
    };
}

/// <summary>The arguments of a call, filter or test as they are written.</summary>
internal sealed class ArgumentList(IReadOnlyList<Expression> positional, IReadOnlyList<KeyValuePair<string, Expression>> named)
{
    public static ArgumentList None { get; } = new([], []);

    public CallArguments Evaluate(RenderContext context)
    {
        if (positional.Count == 0 && named.Count == 0)
        {
            return CallArguments.None;
        }

        var values = positional.Select(context.Evaluate).ToArray();
        var byName = new Dictionary<string, TemplateValue>(StringComparer.Ordinal);
        foreach (var (name, expression) in named)
        {
            byName[name] = context.Evaluate(expression);
        }

        return new CallArguments(values, byName);
    }
}

internal sealed class CallExpression(int position, Expression target, ArgumentList arguments) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => context.Evaluate(target) switch
    {
        FunctionValue function => function.Invoke(context, arguments.Evaluate(context)),
        UndefinedValue { Name: { } name } => throw context.Fail($"there is no function \"{name}\""),
        var other => throw context.Fail($"{other.Kind} cannot be called"),
    };
}

internal sealed class FilterExpression(int position, Expression target, Func<RenderContext, TemplateValue, CallArguments, TemplateValue> filter, ArgumentList arguments) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => filter(context, context.Evaluate(target), arguments.Evaluate(context));
}

internal sealed class TestExpression(int position, Expression target, Func<RenderContext, TemplateValue, CallArguments, bool> test, ArgumentList arguments) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => BooleanValue.Of(test(context, context.Evaluate(target), arguments.Evaluate(context)));
}

internal sealed class NotExpression(int position, Expression operand) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => BooleanValue.Of(!context.Evaluate(operand).IsTrue);
}

internal sealed class NegateExpression(int position, Expression operand) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => TemplateArithmetic.Apply(context, "-", new IntegerValue(0), context.Evaluate(operand));
}

/// <summary><c>and</c> and <c>or</c> give the operand that decides.</summary>
internal sealed class LogicalExpression(int position, Expression left, Expression right, bool stopsAt) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context)
    {
        var value = context.Evaluate(left);
        return value.IsTrue == stopsAt ? value : context.Evaluate(right);
    }
}

internal sealed class ArithmeticExpression(int position, string symbol, Expression left, Expression right) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context)
    {
        var first = context.Evaluate(left);
        var second = context.Evaluate(right);
        return symbol == "+" ? TemplateOperations.Add(context, first, second) : TemplateArithmetic.Apply(context, symbol, first, second);
    }
}

/// <summary><c>a ~ b</c>: both as text.</summary>
internal sealed class ConcatenateExpression(int position, IReadOnlyList<Expression> parts) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) => TemplateOperations.Join(context, [.. parts.Select(context.Evaluate)], TemplateText.Empty);
}

/// <summary>A chain such as <c>a &lt; b == c</c>, true if each link is.</summary>
internal sealed class CompareExpression(int position, Expression first, IReadOnlyList<KeyValuePair<string, Expression>> links) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context)
    {
        var left = context.Evaluate(first);
        foreach (var (symbol, expression) in links)
        {
            var right = context.Evaluate(expression);
            if (!Holds(context, symbol, left, right))
            {
                return BooleanValue.False;
            }

            left = right;
        }

        return BooleanValue.True;
    }

    private static bool Holds(RenderContext context, string symbol, TemplateValue left, TemplateValue right) => symbol switch
    {
        "==" => TemplateOperations.AreEqual(context, left, right),
        "!=" => !TemplateOperations.AreEqual(context, left, right),
        "<" => TemplateOperations.Compare(context, left, right) < 0,
        "<=" => TemplateOperations.Compare(context, left, right) <= 0,
        ">" => TemplateOperations.Compare(context, left, right) > 0,
        ">=" => TemplateOperations.Compare(context, left, right) >= 0,
        "in" => TemplateOperations.Contains(context, right, left),
        _ => !TemplateOperations.Contains(context, right, left),
    };
}

internal sealed class ConditionalExpression(int position, Expression condition, Expression whenTrue, Expression? whenFalse) : Expression(position)
{
    public override TemplateValue Evaluate(RenderContext context) =>
        context.Evaluate(condition).IsTrue ? context.Evaluate(whenTrue) : whenFalse is null ? new UndefinedValue(null) : context.Evaluate(whenFalse);
}

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Text outside of tags.</summary>
internal sealed class DataStatement(int position, string text) : Statement(position)
{
    private readonly TemplateText _text = TemplateText.Trusted(text);

    public override BodySignal Execute(RenderContext context)
    {
        context.Output.Append(_text);
        return BodySignal.None;
    }
}

internal sealed class OutputStatement(int position, Expression expression) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        context.Output.Append(TemplateOperations.ToText(context, context.Evaluate(expression)));
        return BodySignal.None;
    }
}

internal sealed class IfStatement(int position, IReadOnlyList<KeyValuePair<Expression, IReadOnlyList<Statement>>> branches, IReadOnlyList<Statement> otherwise) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        foreach (var (condition, body) in branches)
        {
            if (context.Evaluate(condition).IsTrue)
            {
                return context.Execute(body);
            }
        }

        return context.Execute(otherwise);
    }
}

/// <summary>The names that a loop or <c>set</c> assigns to; more than one unpack a list.</summary>
internal sealed class AssignmentTarget(IReadOnlyList<string> names)
{
    public void Assign(RenderContext context, TemplateScope scope, TemplateValue value)
    {
        if (names.Count == 1)
        {
            scope.Set(names[0], value);
            return;
        }

        var items = TemplateOperations.Iterate(context, value);
        if (items.Count != names.Count)
        {
            throw context.Fail($"{items.Count} values for {names.Count} names");
        }

        for (var i = 0; i < items.Count; i++)
        {
            scope.Set(names[i], items[i]);
        }
    }
}

/// <summary><c>set a = ...</c> and <c>set a, b = ...</c>.</summary>
internal sealed class SetStatement(int position, AssignmentTarget target, Expression value) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        target.Assign(context, context.Scope, context.Evaluate(value));
        return BodySignal.None;
    }
}

/// <summary><c>set space.name = ...</c>, the one assignment that outlives a loop's round.</summary>
internal sealed class SetFieldStatement(int position, string space, string name, Expression value) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        if (!context.Scope.TryGet(space, out var found) || found is not NamespaceValue target)
        {
            throw context.Fail($"\"{space}\" is not a namespace");
        }

        target.Fields[name] = context.Evaluate(value);
        return BodySignal.None;
    }
}

/// <summary><c>set a</c> ... <c>endset</c>.</summary>
internal sealed class SetBlockStatement(int position, string name, IReadOnlyList<Statement> body) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        context.Scope.Set(name, context.Capture(new TemplateScope(context.Scope), body));
        return BodySignal.None;
    }
}

/// <summary>A function written in the template; it gives what its body writes.</summary>
internal sealed class MacroStatement(int position, string name, IReadOnlyList<KeyValuePair<string, Expression?>> parameters, IReadOnlyList<Statement> body) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        var outer = context.Scope;
        context.Scope.Set(name, new FunctionValue((caller, arguments) => Call(caller, outer, arguments)));
        return BodySignal.None;
    }

    private TemplateText Call(RenderContext context, TemplateScope outer, CallArguments arguments)
    {
        arguments.CheckCount(context, name, 0, parameters.Count, [.. parameters.Select(parameter => parameter.Key)]);
        var scope = new TemplateScope(outer);
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, fallback) = parameters[i];
            var value = arguments.Take(i, parameter);
            scope.Set(parameter, value ?? (fallback is null ? new UndefinedValue(parameter) : context.EvaluateIn(scope, fallback)));
        }

        return context.Capture(scope, body);
    }
}

/// <summary><c>break</c> and <c>continue</c>.</summary>
internal sealed class SignalStatement(int position, BodySignal signal) : Statement(position)
{
    public override BodySignal Execute(RenderContext context) => signal;
}

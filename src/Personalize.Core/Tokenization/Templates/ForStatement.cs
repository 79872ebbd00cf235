namespace Personalize.Core.Tokenization.Templates;

/// <summary><c>for target in items if condition</c> ... <c>else</c> ... <c>endfor</c>. Each round has a scope of its own.</summary>
internal sealed class ForStatement(int position, AssignmentTarget target, Expression items, Expression? condition, IReadOnlyList<Statement> body, IReadOnlyList<Statement> otherwise) : Statement(position)
{
    public override BodySignal Execute(RenderContext context)
    {
        var kept = TemplateOperations.Iterate(context, context.Evaluate(items));
        if (condition is not null)
        {
            kept = [.. kept.Where(item =>
            {
                var scope = new TemplateScope(context.Scope);
                target.Assign(context, scope, item);
                return context.EvaluateIn(scope, condition).IsTrue;
            })];
        }

        if (kept.Count == 0)
        {
            return context.Execute(otherwise);
        }

        for (var i = 0; i < kept.Count; i++)
        {
            context.Charge(1);
            var scope = new TemplateScope(context.Scope);
            scope.Set("loop", new LoopValue(kept, i));
            target.Assign(context, scope, kept[i]);
            if (context.ExecuteIn(scope, body) == BodySignal.Break)
            {
                break;
            }
        }

        return BodySignal.None;
    }
}

/// <summary>The variable <c>loop</c>.</summary>
internal sealed class LoopValue(IReadOnlyList<TemplateValue> items, int index) : TemplateValue
{
    public override string Kind => "loop";

    public override TemplateValue? GetAttribute(string name) => name switch
    {
        "index" => new IntegerValue(index + 1),
        "index0" => new IntegerValue(index),
        "revindex" => new IntegerValue(items.Count - index),
        "revindex0" => new IntegerValue(items.Count - index - 1),
        "first" => BooleanValue.Of(index == 0),
        "last" => BooleanValue.Of(index == items.Count - 1),
        "length" => new IntegerValue(items.Count),
        "previtem" => index > 0 ? items[index - 1] : null,
        "nextitem" => index < items.Count - 1 ? items[index + 1] : null,
        _ => null,
    };
}

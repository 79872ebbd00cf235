namespace Personalize.Core.Tokenization.Templates;

/// <summary>Reads what stands after an operand: fields, subscripts, calls, filters and tests.</summary>
internal sealed class PostfixParser(TemplateTokenReader reader, ExpressionParser expressions)
{
    public Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            var token = reader.Current;
            if (reader.TryTakeOperator("."))
            {
                var name = reader.Take();
                value = name.Kind switch
                {
                    TemplateTokenKind.Name => new AttributeExpression(token.Position, value, name.Text),
                    TemplateTokenKind.Integer => new IndexExpression(token.Position, value, new ConstantExpression(name.Position, expressions.ParseInteger(name))),
                    _ => throw reader.Error(name.Position, "a name is expected after the dot"),
                };
            }
            else if (reader.TryTakeOperator("["))
            {
                value = ParseSubscript(token.Position, value);
            }
            else if (reader.IsOperator("("))
            {
                value = new CallExpression(token.Position, value, ParseArguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ParseSubscript(int position, Expression target)
    {
        var first = reader.IsOperator(":") ? null : expressions.Parse();
        if (first is not null && reader.TryTakeOperator("]"))
        {
            return new IndexExpression(position, target, first);
        }

        reader.ExpectOperator(":");
        var stop = reader.IsOperator(":") || reader.IsOperator("]") ? null : expressions.Parse();
        var step = reader.TryTakeOperator(":") && !reader.IsOperator("]") ? expressions.Parse() : null;
        reader.ExpectOperator("]");
        return new SliceExpression(position, target, first, stop, step);
    }

    private ArgumentList ParseArguments()
    {
        reader.ExpectOperator("(");
        var positional = new List<Expression>();
        var named = new List<KeyValuePair<string, Expression>>();
        expressions.ParseItems(")", () =>
        {
            if (reader.Current.Kind == TemplateTokenKind.Name && reader.Following.Is(TemplateTokenKind.Operator, "="))
            {
                var name = reader.ExpectName();
                reader.Take();
                named.Add(new(name, expressions.Parse()));
            }
            else
            {
                positional.Add(named.Count == 0 ? expressions.Parse() : throw reader.Unexpected("a named argument"));
            }

            return 0;
        });
        return new ArgumentList(positional, named);
    }

    public Expression ParseFilters(Expression value)
    {
        while (true)
        {
            var token = reader.Current;
            if (reader.TryTakeOperator("|"))
            {
                var name = reader.ExpectName();
                var filter = TemplateFilters.Find(name) ?? throw reader.Error(token.Position, $"the filter {name} is not supported");
                value = new FilterExpression(token.Position, value, filter, reader.IsOperator("(") ? ParseArguments() : ArgumentList.None);
            }
            else if (reader.TryTakeName("is"))
            {
                value = ParseTest(token.Position, value);
            }
            else if (reader.IsOperator("("))
            {
                value = new CallExpression(token.Position, value, ParseArguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ParseTest(int position, Expression value)
    {
        var isNegated = reader.TryTakeName("not");
        var name = reader.IsOperator("==") ? reader.Take().Text : reader.ExpectName();
        var test = TemplateTests.Find(name) ?? throw reader.Error(position, $"the test {name} is not supported");
        var arguments = reader.IsOperator("(") ? ParseArguments() : StartsOperand() ? new ArgumentList([ParsePostfix(expressions.ParsePrimary())], []) : ArgumentList.None;
        Expression result = new TestExpression(position, value, test, arguments);
        return isNegated ? new NotExpression(position, result) : result;
    }

    // "x is divisibleby 3": an argument may stand without brackets.
    private bool StartsOperand() => reader.Current.Kind switch
    {
        TemplateTokenKind.Name => reader.Current.Text is not ("else" or "or" or "and" or "is" or "if" or "in" or "not"),
        TemplateTokenKind.String or TemplateTokenKind.Integer or TemplateTokenKind.Float => true,
        TemplateTokenKind.Operator => reader.Current.Text is "[" or "{",
        _ => false,
    };
}

using System.Globalization;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Reads expressions, with Jinja's precedence: conditional, or, and, not, comparison, sum, concatenation, product, power, sign, postfix.</summary>
internal sealed class ExpressionParser(TemplateTokenReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<=", ">=", "<", ">"];
    private static readonly string[] Sums = ["+", "-"];
    private static readonly string[] Products = ["*", "/", "//", "%"];

    public Expression Parse() => Nested(() =>
    {
        var value = ParseOr();
        while (reader.Current is { } token && reader.TryTakeName("if"))
        {
            var condition = ParseOr();
            value = new ConditionalExpression(token.Position, condition, value, reader.TryTakeName("else") ? Parse() : null);
        }

        return value;
    });

    /// <summary>An expression, or several with commas, which make a list.</summary>
    public Expression ParseTuple()
    {
        var position = reader.Current.Position;
        var first = Parse();
        if (!reader.IsOperator(","))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (reader.TryTakeOperator(",") && reader.Current.Kind is not (TemplateTokenKind.BlockEnd or TemplateTokenKind.OutputEnd) && !reader.IsOperator(")"))
        {
            items.Add(Parse());
        }

        return new ListExpression(position, items);
    }

    /// <summary>An expression without a conditional at its top, as a loop has it before its own <c>if</c>.</summary>
    public Expression ParseOr()
    {
        var left = ParseAnd();
        while (reader.Current is { } token && reader.TryTakeName("or"))
        {
            left = new LogicalExpression(token.Position, left, ParseAnd(), stopsAt: true);
        }

        return left;
    }

    private T Nested<T>(Func<T> parse)
    {
        reader.Enter();
        var result = parse();
        reader.Leave();
        return result;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (reader.Current is { } token && reader.TryTakeName("and"))
        {
            left = new LogicalExpression(token.Position, left, ParseNot(), stopsAt: false);
        }

        return left;
    }

    private Expression ParseNot() => reader.Current is { } token && reader.TryTakeName("not") ? Nested(() => new NotExpression(token.Position, ParseNot())) : ParseComparison();

    private Expression ParseComparison()
    {
        var position = reader.Current.Position;
        var first = ParseSum();
        var links = new List<KeyValuePair<string, Expression>>();
        while (TakeComparison() is { } symbol)
        {
            links.Add(new(symbol, ParseSum()));
        }

        return links.Count == 0 ? first : new CompareExpression(position, first, links);
    }

    private string? TakeComparison()
    {
        if (reader.TryTakeName("in"))
        {
            return "in";
        }

        if (reader.IsName("not") && reader.Following.Is(TemplateTokenKind.Name, "in"))
        {
            reader.Take();
            reader.Take();
            return "not in";
        }

        return Array.Find(Comparisons, reader.TryTakeOperator);
    }

    private Expression ParseSum() => ParseLeftAssociative(Sums, ParseConcatenation);

    private Expression ParseConcatenation()
    {
        var position = reader.Current.Position;
        var parts = new List<Expression> { ParseProduct() };
        while (reader.TryTakeOperator("~"))
        {
            parts.Add(ParseProduct());
        }

        return parts.Count == 1 ? parts[0] : new ConcatenateExpression(position, parts);
    }

    private Expression ParseProduct() => ParseLeftAssociative(Products, ParsePower);

    private Expression ParsePower() => ParseLeftAssociative(["**"], () => ParseUnary(withFilters: true));

    private Expression ParseLeftAssociative(string[] symbols, Func<Expression> parseOperand)
    {
        var left = parseOperand();
        while (reader.Current is { } token && Array.Find(symbols, reader.TryTakeOperator) is { } symbol)
        {
            left = new ArithmeticExpression(token.Position, symbol, left, parseOperand());
        }

        return left;
    }

    private Expression ParseUnary(bool withFilters) => Nested(() =>
    {
        var token = reader.Current;
        Expression value = reader.TryTakeOperator("-") ? new NegateExpression(token.Position, ParseUnary(withFilters: false))
            : reader.TryTakeOperator("+") ? ParseUnary(withFilters: false)
            : ParsePrimary();
        value = ParsePostfix(value);
        return withFilters ? ParseFilters(value) : value;
    });

    private Expression ParsePrimary()
    {
        var token = reader.Take();
        switch (token.Kind)
        {
            case TemplateTokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstantExpression(token.Position, BooleanValue.True),
                    "false" or "False" => new ConstantExpression(token.Position, BooleanValue.False),
                    "none" or "None" => new ConstantExpression(token.Position, NoneValue.Instance),
                    _ => new NameExpression(token.Position, token.Text),
                };
            case TemplateTokenKind.String:
                var text = token.Text;
                while (reader.Current.Kind == TemplateTokenKind.String)
                {
                    text += reader.Take().Text;
                }

                return new ConstantExpression(token.Position, TemplateText.Trusted(text));
            case TemplateTokenKind.Integer:
                return new ConstantExpression(token.Position, ParseInteger(token));
            case TemplateTokenKind.Float:
                return new ConstantExpression(token.Position, new FloatValue(double.Parse(token.Text, CultureInfo.InvariantCulture)));
            case TemplateTokenKind.Operator when token.Text == "(":
                var inner = reader.IsOperator(")") ? new ListExpression(token.Position, []) : ParseTuple();
                reader.ExpectOperator(")");
                return inner;
            case TemplateTokenKind.Operator when token.Text == "[":
                return new ListExpression(token.Position, ParseItems("]", Parse));
            case TemplateTokenKind.Operator when token.Text == "{":
                return new MapExpression(token.Position, ParseItems("}", ParseEntry));
            default:
                throw reader.Error(token.Position, "an expression is expected here");
        }
    }

    private IntegerValue ParseInteger(TemplateToken token) =>
        long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? new IntegerValue(value) : throw reader.Error(token.Position, "an integer is out of range");

    private KeyValuePair<Expression, Expression> ParseEntry()
    {
        var key = Parse();
        reader.ExpectOperator(":");
        return new(key, Parse());
    }

    private List<T> ParseItems<T>(string close, Func<T> parse)
    {
        var items = new List<T>();
        while (!reader.TryTakeOperator(close))
        {
            if (items.Count > 0)
            {
                reader.ExpectOperator(",");
                if (reader.TryTakeOperator(close))
                {
                    break;
                }
            }

            items.Add(parse());
        }

        return items;
    }

    private Expression ParsePostfix(Expression value)
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
                    TemplateTokenKind.Integer => new IndexExpression(token.Position, value, new ConstantExpression(name.Position, ParseInteger(name))),
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
        var first = reader.IsOperator(":") ? null : Parse();
        if (first is not null && reader.TryTakeOperator("]"))
        {
            return new IndexExpression(position, target, first);
        }

        reader.ExpectOperator(":");
        var stop = reader.IsOperator(":") || reader.IsOperator("]") ? null : Parse();
        var step = reader.TryTakeOperator(":") && !reader.IsOperator("]") ? Parse() : null;
        reader.ExpectOperator("]");
        return new SliceExpression(position, target, first, stop, step);
    }

    private ArgumentList ParseArguments()
    {
        reader.ExpectOperator("(");
        var positional = new List<Expression>();
        var named = new List<KeyValuePair<string, Expression>>();
        ParseItems(")", () =>
        {
            if (reader.Current.Kind == TemplateTokenKind.Name && reader.Following.Is(TemplateTokenKind.Operator, "="))
            {
                var name = reader.ExpectName();
                reader.Take();
                named.Add(new(name, Parse()));
            }
            else
            {
                positional.Add(named.Count == 0 ? Parse() : throw reader.Unexpected("a named argument"));
            }

            return 0;
        });
        return new ArgumentList(positional, named);
    }

    private Expression ParseFilters(Expression value)
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
        var arguments = reader.IsOperator("(") ? ParseArguments() : StartsOperand() ? new ArgumentList([ParsePostfix(ParsePrimary())], []) : ArgumentList.None;
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

using System.Globalization;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Reads expressions, with Jinja's precedence: conditional, or, and, not, comparison, sum, concatenation, product, power, sign, postfix.</summary>
internal sealed class ExpressionParser
{
    private static readonly string[] Comparisons = ["==", "!=", "<=", ">=", "<", ">"];
    private static readonly string[] Sums = ["+", "-"];
    private static readonly string[] Products = ["*", "/", "//", "%"];

    private readonly TemplateTokenReader _reader;
    private readonly PostfixParser _postfix;

    public ExpressionParser(TemplateTokenReader reader)
    {
        _reader = reader;
        _postfix = new PostfixParser(reader, this);
    }

    public Expression Parse() => Nested(() =>
    {
        var value = ParseOr();
        while (_reader.Current is { } token && _reader.TryTakeName("if"))
        {
            var condition = ParseOr();
            value = new ConditionalExpression(token.Position, condition, value, _reader.TryTakeName("else") ? Parse() : null);
        }

        return value;
    });

    /// <summary>An expression, or several with commas, which make a list.</summary>
    public Expression ParseTuple()
    {
        var position = _reader.Current.Position;
        var first = Parse();
        if (!_reader.IsOperator(","))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (_reader.TryTakeOperator(",") && _reader.Current.Kind is not (TemplateTokenKind.BlockEnd or TemplateTokenKind.OutputEnd) && !_reader.IsOperator(")"))
        {
            items.Add(Parse());
        }

        return new ListExpression(position, items);
    }

    /// <summary>An expression without a conditional at its top, as a loop has it before its own <c>if</c>.</summary>
    public Expression ParseOr()
    {
        var left = ParseAnd();
        while (_reader.Current is { } token && _reader.TryTakeName("or"))
        {
            left = new LogicalExpression(token.Position, left, ParseAnd(), stopsAt: true);
        }

        return left;
    }

    private T Nested<T>(Func<T> parse)
    {
        _reader.Enter();
        var result = parse();
        _reader.Leave();
        return result;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (_reader.Current is { } token && _reader.TryTakeName("and"))
        {
            left = new LogicalExpression(token.Position, left, ParseNot(), stopsAt: false);
        }

        return left;
    }

    private Expression ParseNot() => _reader.Current is { } token && _reader.TryTakeName("not") ? Nested(() => new NotExpression(token.Position, ParseNot())) : ParseComparison();

    private Expression ParseComparison()
    {
        var position = _reader.Current.Position;
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
        if (_reader.TryTakeName("in"))
        {
            return "in";
        }

        if (_reader.IsName("not") && _reader.Following.Is(TemplateTokenKind.Name, "in"))
        {
            _reader.Take();
            _reader.Take();
            return "not in";
        }

        return Array.Find(Comparisons, _reader.TryTakeOperator);
    }

    private Expression ParseSum() => ParseLeftAssociative(Sums, ParseConcatenation);

    private Expression ParseConcatenation()
    {
        var position = _reader.Current.Position;
        var parts = new List<Expression> { ParseProduct() };
        while (_reader.TryTakeOperator("~"))
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
        while (_reader.Current is { } token && Array.Find(symbols, _reader.TryTakeOperator) is { } symbol)
        {
            left = new ArithmeticExpression(token.Position, symbol, left, parseOperand());
        }

        return left;
    }

    private Expression ParseUnary(bool withFilters) => Nested(() =>
    {
        var token = _reader.Current;
        Expression value = _reader.TryTakeOperator("-") ? new NegateExpression(token.Position, ParseUnary(withFilters: false))
            : _reader.TryTakeOperator("+") ? ParseUnary(withFilters: false)
            : ParsePrimary();
        value = _postfix.ParsePostfix(value);
        return withFilters ? _postfix.ParseFilters(value) : value;
    });

    /// <summary>An operand without what may follow it.</summary>
    public Expression ParsePrimary()
    {
        var token = _reader.Take();
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
                while (_reader.Current.Kind == TemplateTokenKind.String)
                {
                    text += _reader.Take().Text;
                }

                return new ConstantExpression(token.Position, TemplateText.Trusted(text));
            case TemplateTokenKind.Integer:
                return new ConstantExpression(token.Position, ParseInteger(token));
            case TemplateTokenKind.Float:
                return new ConstantExpression(token.Position, new FloatValue(double.Parse(token.Text, CultureInfo.InvariantCulture)));
            case TemplateTokenKind.Operator when token.Text == "(":
                var inner = _reader.IsOperator(")") ? new ListExpression(token.Position, []) : ParseTuple();
                _reader.ExpectOperator(")");
                return inner;
            case TemplateTokenKind.Operator when token.Text == "[":
                return new ListExpression(token.Position, ParseItems("]", Parse));
            case TemplateTokenKind.Operator when token.Text == "{":
                return new MapExpression(token.Position, ParseItems("}", ParseEntry));
            default:
                throw _reader.Error(token.Position, "an expression is expected here");
        }
    }

    /// <summary>The value of an integer token.</summary>
    public IntegerValue ParseInteger(TemplateToken token) =>
        long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? new IntegerValue(value) : throw _reader.Error(token.Position, "an integer is out of range");

    private KeyValuePair<Expression, Expression> ParseEntry()
    {
        var key = Parse();
        _reader.ExpectOperator(":");
        return new(key, Parse());
    }

    /// <summary>Items with commas between them, up to and with the closing bracket.</summary>
    public List<T> ParseItems<T>(string close, Func<T> parse)
    {
        var items = new List<T>();
        while (!_reader.TryTakeOperator(close))
        {
            if (items.Count > 0)
            {
                _reader.ExpectOperator(",");
                if (_reader.TryTakeOperator(close))
                {
                    break;
                }
            }

            items.Add(parse());
        }

        return items;
    }
}

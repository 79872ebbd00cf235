namespace Personalize.Core.Tokenization.Templates;

/// <summary>Reads a template's statements.</summary>
internal sealed class StatementParser
{
    private readonly TemplateTokenReader _reader;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private StatementParser(TemplateTokenReader reader)
    {
        _reader = reader;
        _expressions = new ExpressionParser(reader);
    }

    public static IReadOnlyList<Statement> Parse(TemplateSource source)
    {
        var parser = new StatementParser(new TemplateTokenReader(source));
        var body = parser.ParseBody();
        return parser._reader.Current.Kind == TemplateTokenKind.End ? body : throw parser._reader.Error(parser._reader.Following.Position, $"the tag {parser._reader.Following.Text} has nothing to go with");
    }

    /// <summary>Reads statements up to the end or to a tag that belongs to an outer statement.</summary>
    private List<Statement> ParseBody()
    {
        _reader.Enter();
        var body = new List<Statement>();
        while (true)
        {
            var token = _reader.Current;
            switch (token.Kind)
            {
                case TemplateTokenKind.Data:
                    body.Add(new DataStatement(token.Position, _reader.Take().Text));
                    break;
                case TemplateTokenKind.OutputStart:
                    _reader.Take();
                    body.Add(new OutputStatement(token.Position, _expressions.ParseTuple()));
                    _reader.Expect(TemplateTokenKind.OutputEnd, "the end of the expression");
                    break;
                case TemplateTokenKind.BlockStart when !IsContinuation(_reader.Following):
                    _reader.Take();
                    ParseStatement(body);
                    break;
                default:
                    _reader.Leave();
                    return body;
            }
        }
    }

    private static bool IsContinuation(TemplateToken tag) => tag.Kind == TemplateTokenKind.Name && (tag.Text is "else" or "elif" || tag.Text.StartsWith("end", StringComparison.Ordinal));

    private void ParseStatement(List<Statement> body)
    {
        var position = _reader.Current.Position;
        var tag = _reader.ExpectName();
        switch (tag)
        {
            case "if":
                body.Add(ParseIf(position));
                break;
            case "for":
                body.Add(ParseFor(position));
                break;
            case "set":
                body.Add(ParseSet(position));
                break;
            case "macro":
                body.Add(ParseMacro(position));
                break;
            case "break" or "continue":
                body.Add(_loops > 0 ? new SignalStatement(position, tag == "break" ? BodySignal.Break : BodySignal.Continue) : throw _reader.Error(position, $"{tag} stands outside of a loop"));
                EndTag();
                break;
            case "generation":
                // Marks what the assistant says, for loss masks; it writes nothing.
                EndTag();
                body.AddRange(ParseBody());
                Close("endgeneration");
                break;
            default:
                throw _reader.Error(position, $"the tag {tag} is not supported");
        }
    }

    private IfStatement ParseIf(int position)
    {
        var branches = new List<KeyValuePair<Expression, IReadOnlyList<Statement>>>();
        IReadOnlyList<Statement> otherwise = [];
        do
        {
            var condition = _expressions.ParseTuple();
            EndTag();
            branches.Add(new(condition, ParseBody()));
        }
        while (TryContinue("elif"));

        if (TryContinue("else"))
        {
            EndTag();
            otherwise = ParseBody();
        }

        Close("endif");
        return new IfStatement(position, branches, otherwise);
    }

    private ForStatement ParseFor(int position)
    {
        var target = new AssignmentTarget(ParseNames());
        if (!_reader.TryTakeName("in"))
        {
            throw _reader.Unexpected("\"in\"");
        }

        var items = _expressions.ParseOr();
        var condition = _reader.TryTakeName("if") ? _expressions.Parse() : null;
        EndTag();
        _loops++;
        var body = ParseBody();
        _loops--;
        IReadOnlyList<Statement> otherwise = [];
        if (TryContinue("else"))
        {
            EndTag();
            otherwise = ParseBody();
        }

        Close("endfor");
        return new ForStatement(position, target, items, condition, body, otherwise);
    }

    private Statement ParseSet(int position)
    {
        if (_reader.Following.Is(TemplateTokenKind.Operator, "."))
        {
            var space = _reader.ExpectName();
            _reader.Take();
            var field = _reader.ExpectName();
            _reader.ExpectOperator("=");
            var fieldValue = _expressions.ParseTuple();
            EndTag();
            return new SetFieldStatement(position, space, field, fieldValue);
        }

        var names = ParseNames();
        if (_reader.TryTakeOperator("="))
        {
            var value = _expressions.ParseTuple();
            EndTag();
            return new SetStatement(position, new AssignmentTarget(names), value);
        }

        if (names.Count > 1)
        {
            throw _reader.Unexpected("\"=\"");
        }

        EndTag();
        var body = ParseBlock();
        Close("endset");
        return new SetBlockStatement(position, names[0], body);
    }

    private MacroStatement ParseMacro(int position)
    {
        var name = _reader.ExpectName();
        _reader.ExpectOperator("(");
        var parameters = new List<KeyValuePair<string, Expression?>>();
        while (!_reader.TryTakeOperator(")"))
        {
            if (parameters.Count > 0)
            {
                _reader.ExpectOperator(",");
            }

            var parameter = _reader.ExpectName();
            parameters.Add(new(parameter, _reader.TryTakeOperator("=") ? _expressions.Parse() : null));
        }

        EndTag();
        var body = ParseBlock();
        Close("endmacro");
        return new MacroStatement(position, name, parameters, body);
    }

    // What is captured cannot break a loop around it.
    private List<Statement> ParseBlock()
    {
        var loops = _loops;
        _loops = 0;
        var body = ParseBody();
        _loops = loops;
        return body;
    }

    private List<string> ParseNames()
    {
        var isBracketed = _reader.TryTakeOperator("(");
        var names = new List<string> { _reader.ExpectName() };
        while (_reader.TryTakeOperator(","))
        {
            names.Add(_reader.ExpectName());
        }

        if (isBracketed)
        {
            _reader.ExpectOperator(")");
        }

        return names;
    }

    private bool TryContinue(string tag)
    {
        var matches = _reader.Current.Kind == TemplateTokenKind.BlockStart && _reader.Following.Is(TemplateTokenKind.Name, tag);
        if (matches)
        {
            _reader.Take();
            _reader.Take();
        }

        return matches;
    }

    private void Close(string tag)
    {
        if (!TryContinue(tag))
        {
            throw _reader.Unexpected(tag);
        }

        EndTag();
    }

    private void EndTag() => _reader.Expect(TemplateTokenKind.BlockEnd, "the end of the tag");
}

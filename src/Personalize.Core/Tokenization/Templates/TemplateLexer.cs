namespace Personalize.Core.Tokenization.Templates;

/// <summary>Cuts a template into tokens the way Jinja does with <c>trim_blocks</c> and <c>lstrip_blocks</c> on: the first line end after a block tag or comment goes, and so does the indentation before one that stands alone on its line.</summary>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ","];

    private readonly TemplateSource _source;
    private readonly string _text;
    private readonly List<TemplateToken> _tokens = [];
    private int _position;

    // Whether the last tag took the line end with it, so that the text after it starts a line.
    private bool _startsLine = true;

    private TemplateLexer(TemplateSource source)
    {
        _source = source;
        _text = source.Text;
    }

    public static List<TemplateToken> Read(TemplateSource source)
    {
        var lexer = new TemplateLexer(source);
        while (lexer._position < lexer._text.Length)
        {
            lexer.ReadData();
        }

        lexer.Add(TemplateTokenKind.End, "", lexer._position);
        return lexer._tokens;
    }

    private void ReadData()
    {
        var start = _position;
        var tag = FindTag(start);
        if (tag < 0)
        {
            Add(TemplateTokenKind.Data, _text[start..], start);
            _position = _text.Length;
            return;
        }

        var kind = _text[tag + 1];
        var sign = tag + 2 < _text.Length && _text[tag + 2] is '-' or '+' ? _text[tag + 2] : ' ';
        AddData(start, tag, sign, stripsIndentation: kind != '{');
        _position = tag + (sign == ' ' ? 2 : 3);
        switch (kind)
        {
            case '#':
                ReadComment(tag);
                break;
            case '{':
                Add(TemplateTokenKind.OutputStart, "{{", tag);
                ReadTag(tag, "}}", TemplateTokenKind.OutputEnd);
                break;
            default:
                if (TryReadWordTag(tag, "raw", out _, out var rawSign, out var rawStart))
                {
                    ReadRaw(tag, rawStart, rawSign);
                    break;
                }

                Add(TemplateTokenKind.BlockStart, "{%", tag);
                ReadTag(tag, "%}", TemplateTokenKind.BlockEnd);
                break;
        }
    }

    private int FindTag(int start)
    {
        for (var i = _text.IndexOf('{', start); i >= 0 && i + 1 < _text.Length; i = _text.IndexOf('{', i + 1))
        {
            if (_text[i + 1] is '%' or '{' or '#')
            {
                return i;
            }
        }

        return -1;
    }

    private void AddData(int start, int end, char sign, bool stripsIndentation)
    {
        var data = _text.AsSpan(start..end);
        if (sign == '-')
        {
            data = data.TrimEnd(PythonText.Whitespace);
        }
        else if (sign != '+' && stripsIndentation)
        {
            var line = data.LastIndexOf('\n') + 1;
            if ((line > 0 || _startsLine) && data[line..].Trim(PythonText.Whitespace).IsEmpty)
            {
                data = data[..line];
            }
        }

        if (!data.IsEmpty)
        {
            Add(TemplateTokenKind.Data, data.ToString(), start);
        }
    }

    private void ReadComment(int tag)
    {
        var end = _text.IndexOf("#}", _position, StringComparison.Ordinal);
        if (end < 0)
        {
            throw _source.SyntaxError(tag, "a comment is not closed");
        }

        var sign = end > _position ? _text[end - 1] : ' ';
        _position = end + 2;
        SkipAfterTag(sign, trimsLineEnd: true);
    }

    private void ReadRaw(int tag, int start, char startSign)
    {
        _position = start;
        SkipAfterTag(startSign, trimsLineEnd: false);
        start = _position;
        for (var i = _text.IndexOf("{%", start, StringComparison.Ordinal); i >= 0; i = _text.IndexOf("{%", i + 2, StringComparison.Ordinal))
        {
            if (TryReadWordTag(i, "endraw", out var openSign, out var closeSign, out var end))
            {
                AddData(start, i, openSign, stripsIndentation: true);
                _position = end;
                SkipAfterTag(closeSign, trimsLineEnd: true);
                return;
            }
        }

        throw _source.SyntaxError(tag, "a raw block is not closed");
    }

    /// <summary>Matches a block tag that holds nothing but one word.</summary>
    private bool TryReadWordTag(int tag, string word, out char openSign, out char closeSign, out int end)
    {
        var rest = _text.AsSpan(tag + 2);
        openSign = TakeSign(ref rest);
        closeSign = ' ';
        end = 0;
        rest = rest.TrimStart(PythonText.Whitespace);
        if (!rest.StartsWith(word, StringComparison.Ordinal))
        {
            return false;
        }

        rest = rest[word.Length..].TrimStart(PythonText.Whitespace);
        closeSign = TakeSign(ref rest);
        end = _text.Length - rest.Length + 2;
        return rest.StartsWith("%}", StringComparison.Ordinal);
    }

    private static char TakeSign(ref ReadOnlySpan<char> rest)
    {
        var sign = !rest.IsEmpty && rest[0] is '-' or '+' ? rest[0] : ' ';
        rest = sign == ' ' ? rest : rest[1..];
        return sign;
    }

    private void SkipAfterTag(char sign, bool trimsLineEnd)
    {
        var end = _position;
        if (sign == '-')
        {
            _position = _text.Length - _text.AsSpan(_position).TrimStart(PythonText.Whitespace).Length;
        }
        else if (trimsLineEnd && sign != '+' && _position < _text.Length && _text[_position] == '\n')
        {
            _position++;
        }

        _startsLine = _position > end && _text[_position - 1] == '\n';
    }

    private void ReadTag(int tag, string close, TemplateTokenKind closeKind)
    {
        var open = 0;
        while (true)
        {
            _position = _text.Length - _text.AsSpan(_position).TrimStart(PythonText.Whitespace).Length;
            if (_position >= _text.Length)
            {
                throw _source.SyntaxError(tag, $"a tag is not closed with {close}");
            }

            var sign = _text[_position] is '-' or '+' ? _text[_position] : ' ';
            var signLength = sign == '-' || (sign == '+' && close == "%}") ? 1 : 0;
            if (open == 0 && string.CompareOrdinal(_text, _position + signLength, close, 0, close.Length) == 0)
            {
                Add(closeKind, close, _position);
                _position += signLength + close.Length;
                SkipAfterTag(signLength > 0 ? sign : ' ', trimsLineEnd: close == "%}");
                return;
            }

            open += ReadExpressionToken();
        }
    }

    /// <summary>Reads one token within a tag.</summary>
    /// <returns>1 for an opening bracket, -1 for a closing one, else 0.</returns>
    private int ReadExpressionToken()
    {
        var start = _position;
        var first = _text[start];
        if (char.IsAsciiDigit(first))
        {
            ReadNumber();
            return 0;
        }

        if (first == '_' || char.IsLetter(first))
        {
            while (_position < _text.Length && (_text[_position] == '_' || char.IsLetterOrDigit(_text[_position])))
            {
                _position++;
            }

            Add(TemplateTokenKind.Name, _text[start.._position], start);
            return 0;
        }

        if (first is '\'' or '"')
        {
            Add(TemplateTokenKind.String, TemplateStringLiteral.Read(_source, ref _position), start);
            return 0;
        }

        foreach (var symbol in Operators)
        {
            if (string.CompareOrdinal(_text, start, symbol, 0, symbol.Length) == 0)
            {
                _position += symbol.Length;
                Add(TemplateTokenKind.Operator, symbol, start);
                return symbol is "(" or "[" or "{" ? 1 : symbol is ")" or "]" or "}" ? -1 : 0;
            }
        }

        throw _source.SyntaxError(start, "an unexpected character");
    }

    private void ReadNumber()
    {
        var start = _position;
        SkipDigits();
        var isFloat = false;
        if (_position + 1 < _text.Length && _text[_position] == '.' && char.IsAsciiDigit(_text[_position + 1]))
        {
            isFloat = true;
            _position++;
            SkipDigits();
        }

        var exponent = _position + 1;
        exponent += exponent < _text.Length && _text[exponent] is '+' or '-' ? 1 : 0;
        if (exponent < _text.Length && _text[_position] is 'e' or 'E' && char.IsAsciiDigit(_text[exponent]))
        {
            isFloat = true;
            _position = exponent;
            SkipDigits();
        }

        Add(isFloat ? TemplateTokenKind.Float : TemplateTokenKind.Integer, _text[start.._position].Replace("_", "", StringComparison.Ordinal), start);
    }

    private void SkipDigits()
    {
        while (_position < _text.Length && (char.IsAsciiDigit(_text[_position]) || _text[_position] == '_'))
        {
            _position++;
        }
    }

    private void Add(TemplateTokenKind kind, string text, int position) => _tokens.Add(new TemplateToken(kind, text, position));
}

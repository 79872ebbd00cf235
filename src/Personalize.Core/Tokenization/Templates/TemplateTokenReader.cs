using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Walks over a template's tokens and keeps the cap on nesting.</summary>
internal sealed class TemplateTokenReader(TemplateSource source)
{
    private readonly List<TemplateToken> _tokens = TemplateLexer.Read(source);
    private int _next;
    private int _depth;

    public TemplateToken Current => _tokens[_next];

    /// <summary>The token after the current one; the end repeats.</summary>
    public TemplateToken Following => _tokens[Math.Min(_next + 1, _tokens.Count - 1)];

    public TemplateToken Take()
    {
        var token = Current;
        _next = Math.Min(_next + 1, _tokens.Count - 1);
        return token;
    }

    public bool TryTake(TemplateTokenKind kind, string text)
    {
        var matches = Current.Is(kind, text);
        if (matches)
        {
            Take();
        }

        return matches;
    }

    public bool TryTakeOperator(string symbol) => TryTake(TemplateTokenKind.Operator, symbol);

    public bool TryTakeName(string name) => TryTake(TemplateTokenKind.Name, name);

    public bool IsOperator(string symbol) => Current.Is(TemplateTokenKind.Operator, symbol);

    public bool IsName(string name) => Current.Is(TemplateTokenKind.Name, name);

    public void ExpectOperator(string symbol)
    {
        if (!TryTakeOperator(symbol))
        {
            throw Unexpected($"\"{symbol}\"");
        }
    }

    public string ExpectName() => Current.Kind == TemplateTokenKind.Name ? Take().Text : throw Unexpected("a name");

    public void Expect(TemplateTokenKind kind, string description)
    {
        if (Current.Kind != kind)
        {
            throw Unexpected(description);
        }

        Take();
    }

    /// <summary>Counts a level of nesting; <see cref="Leave"/> ends it.</summary>
    public void Enter()
    {
        if (++_depth > TemplateLimits.Nesting)
        {
            throw source.Error(ChatTemplateErrorKind.LimitExceeded, Current.Position, $"nested deeper than {TemplateLimits.Nesting} levels");
        }
    }

    public void Leave() => _depth--;

    public ChatTemplateException Unexpected(string expected) => source.SyntaxError(Current.Position, $"{expected} is expected here");

    public ChatTemplateException Error(int position, string reason) => source.SyntaxError(position, reason);
}

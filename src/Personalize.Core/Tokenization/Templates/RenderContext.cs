using Personalize.Core.Errors;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>The state of one rendering: the variables in scope, the output, what was spent, and where in the source it is.</summary>
internal sealed class RenderContext
{
    private readonly TemplateSource _source;
    private long _steps;
    private int _depth;
    private int _position;

    public RenderContext(TemplateSource source, TimeProvider timeProvider)
    {
        _source = source;
        TimeProvider = timeProvider;
        Globals = new TemplateScope(null);
        Scope = Globals;
        Output = new TemplateTextBuilder(this);
    }

    public TimeProvider TimeProvider { get; }

    /// <summary>What the template sets outside of loops and macros.</summary>
    public TemplateScope Globals { get; }

    public TemplateScope Scope { get; private set; }

    public TemplateTextBuilder Output { get; private set; }

    public TemplateValue Evaluate(Expression expression)
    {
        Enter(expression.Position);
        var value = expression.Evaluate(this);
        _depth--;
        if (value is TemplateText text)
        {
            ChargeText(text.Value.Length);
        }

        return value;
    }

    public BodySignal Execute(IReadOnlyList<Statement> body)
    {
        foreach (var statement in body)
        {
            Enter(statement.Position);
            var signal = statement.Execute(this);
            _depth--;
            if (signal != BodySignal.None)
            {
                return signal;
            }
        }

        return BodySignal.None;
    }

    /// <summary>Runs statements in a scope of their own.</summary>
    public BodySignal ExecuteIn(TemplateScope scope, IReadOnlyList<Statement> body)
    {
        var outer = Scope;
        Scope = scope;
        var signal = Execute(body);
        Scope = outer;
        return signal;
    }

    /// <summary>Evaluates with a scope of its own.</summary>
    public TemplateValue EvaluateIn(TemplateScope scope, Expression expression)
    {
        var outer = Scope;
        Scope = scope;
        var value = Evaluate(expression);
        Scope = outer;
        return value;
    }

    /// <summary>Runs statements and gives what they wrote.</summary>
    public TemplateText Capture(TemplateScope scope, IReadOnlyList<Statement> body)
    {
        var outer = Output;
        Output = new TemplateTextBuilder(this);
        ExecuteIn(scope, body);
        var text = Output.Build();
        Output = outer;
        return text;
    }

    public void Charge(long steps)
    {
        _steps += steps;
        if (_steps > TemplateLimits.Steps)
        {
            throw Exceeded($"more than {TemplateLimits.Steps} steps");
        }
    }

    public void ChargeText(int length) => Charge(length / TemplateLimits.CharactersPerStep);

    /// <summary>Checks and charges a list that is about to be made.</summary>
    public void ChargeList(long count)
    {
        if (count > TemplateLimits.ListLength)
        {
            throw Exceeded($"a list of more than {TemplateLimits.ListLength} elements");
        }

        Charge(count / 8);
    }

    public ChatTemplateException Fail(string reason) => _source.Error(ChatTemplateErrorKind.Evaluation, _position, reason);

    public ChatTemplateException Refuse(string reason) => _source.Error(ChatTemplateErrorKind.Refused, _position, reason);

    public ChatTemplateException Exceeded(string reason) => _source.Error(ChatTemplateErrorKind.LimitExceeded, _position, reason);

    private void Enter(int position)
    {
        _position = position;
        Charge(1);
        if (++_depth > 2 * TemplateLimits.Nesting)
        {
            throw Exceeded("nested too deeply");
        }
    }
}

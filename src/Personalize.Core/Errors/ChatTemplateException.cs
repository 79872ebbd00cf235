namespace Personalize.Core.Errors;

/// <summary>A chat template cannot be read, or cannot render a conversation.</summary>
public sealed class ChatTemplateException : PersonalizeException
{
    /// <summary>Names the failure and its place in the template.</summary>
    /// <param name="kind">Why it failed.</param>
    /// <param name="line">The template's line, counted from 1.</param>
    /// <param name="column">The column in that line, counted from 1 in UTF-16 units.</param>
    /// <param name="reason">What went wrong, without any of the conversation's text.</param>
    public ChatTemplateException(ChatTemplateErrorKind kind, int line, int column, string reason)
        : base($"chat template, line {line}, column {column}: {reason}{Advice(kind)}")
    {
        Kind = kind;
        Line = line;
        Column = column;
    }

    /// <summary>Why it failed.</summary>
    public ChatTemplateErrorKind Kind { get; }

    /// <summary>The template's line, counted from 1.</summary>
    public int Line { get; }

    /// <summary>The column in that line, counted from 1 in UTF-16 units.</summary>
    public int Column { get; }

    private static string Advice(ChatTemplateErrorKind kind) => kind switch
    {
        ChatTemplateErrorKind.Refused => "; change the conversation to what this model's template accepts",
        ChatTemplateErrorKind.Evaluation => "; check that the conversation has what the template asks for",
        _ => "; use a model file with another chat template",
    };
}

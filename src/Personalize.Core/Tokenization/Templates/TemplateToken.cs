using System.Runtime.InteropServices;

namespace Personalize.Core.Tokenization.Templates;

internal enum TemplateTokenKind
{
    /// <summary>Text outside of tags.</summary>
    Data,

    /// <summary><c>{%</c>.</summary>
    BlockStart,

    /// <summary><c>%}</c>.</summary>
    BlockEnd,

    /// <summary><c>{{</c>.</summary>
    OutputStart,

    /// <summary><c>}}</c>.</summary>
    OutputEnd,

    Name,
    String,
    Integer,
    Float,
    Operator,

    /// <summary>The end of the template.</summary>
    End,
}

/// <summary>A token of a template.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; of a string the value, without quotes and escapes.</param>
/// <param name="Position">Where it starts in the source.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct TemplateToken(TemplateTokenKind Kind, string Text, int Position)
{
    public bool Is(TemplateTokenKind kind, string text) => Kind == kind && Text == text;
}

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Caps on what a template, which comes with a downloaded file, may cost. Far above what templates of released models need.</summary>
internal static class TemplateLimits
{
    /// <summary>UTF-16 units of a template.</summary>
    public const int SourceLength = 1 << 20;

    /// <summary>How deep expressions and blocks may nest in the source, and calls while rendering.</summary>
    public const int Nesting = 200;

    /// <summary>Evaluated nodes, plus one for every <see cref="CharactersPerStep"/> units of text they give.</summary>
    public const long Steps = 2_000_000;

    public const int CharactersPerStep = 256;

    /// <summary>UTF-16 units of any one text, the output included.</summary>
    public const int TextLength = 1 << 24;

    /// <summary>Elements of any one list.</summary>
    public const int ListLength = 1 << 18;
}

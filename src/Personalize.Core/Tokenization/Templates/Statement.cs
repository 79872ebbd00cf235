namespace Personalize.Core.Tokenization.Templates;

/// <summary>How a body ended.</summary>
internal enum BodySignal
{
    /// <summary>At its end.</summary>
    None,

    /// <summary>At <c>break</c>.</summary>
    Break,

    /// <summary>At <c>continue</c>.</summary>
    Continue,
}

/// <summary>A part of a template that does something.</summary>
/// <param name="position">Where it stands in the source.</param>
internal abstract class Statement(int position)
{
    public int Position => position;

    /// <summary>Runs it. Called through <see cref="RenderContext.Execute"/>, which keeps the caps.</summary>
    public abstract BodySignal Execute(RenderContext context);
}

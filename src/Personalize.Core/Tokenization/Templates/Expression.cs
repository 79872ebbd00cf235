namespace Personalize.Core.Tokenization.Templates;

/// <summary>A part of a template that has a value.</summary>
/// <param name="position">Where it stands in the source.</param>
internal abstract class Expression(int position)
{
    public int Position => position;

    /// <summary>Computes the value. Called through <see cref="RenderContext.Evaluate"/>, which keeps the caps.</summary>
    public abstract TemplateValue Evaluate(RenderContext context);
}

using System.Diagnostics.CodeAnalysis;

namespace Personalize.Core.Tokenization.Templates;

/// <summary>Variables by name; what is not here is looked up in the scope around it.</summary>
/// <param name="outer">The scope around it.</param>
internal sealed class TemplateScope(TemplateScope? outer)
{
    private readonly Dictionary<string, TemplateValue> _variables = new(StringComparer.Ordinal);

    public void Set(string name, TemplateValue value) => _variables[name] = value;

    public bool TryGet(string name, [NotNullWhen(true)] out TemplateValue? value)
    {
        for (var scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._variables.TryGetValue(name, out value))
            {
                return true;
            }
        }

        value = null;
        return false;
    }

    private TemplateScope? Outer => outer;
}

namespace Personalize.Core.Tokenization.Templates;

/// <summary>A value while a template runs. Immutable, apart from namespaces.</summary>
internal abstract class TemplateValue
{
    /// <summary>How error messages call values of this kind.</summary>
    public abstract string Kind { get; }

    /// <summary>Whether the value counts as true in a condition.</summary>
    public virtual bool IsTrue => true;

    /// <summary>The field or method of a name, or null where there is none.</summary>
    public virtual TemplateValue? GetAttribute(string name) => null;
}

/// <summary>What a missing variable or field gives: false, empty to loops and output, an error to most else.</summary>
/// <param name="name">What was missing, as the template wrote it; null where the name came from data.</param>
internal sealed class UndefinedValue(string? name) : TemplateValue
{
    public string? Name => name;

    public override string Kind => "undefined";

    public override bool IsTrue => false;
}

internal sealed class NoneValue : TemplateValue
{
    public static NoneValue Instance { get; } = new();

    public override string Kind => "none";

    public override bool IsTrue => false;
}

internal sealed class BooleanValue : TemplateValue
{
    private BooleanValue(bool value) => Value = value;

    public static BooleanValue True { get; } = new(true);

    public static BooleanValue False { get; } = new(false);

    public bool Value { get; }

    public override string Kind => "boolean";

    public override bool IsTrue => Value;

    public static BooleanValue Of(bool value) => value ? True : False;
}

internal sealed class IntegerValue(long value) : TemplateValue
{
    public long Value => value;

    public override string Kind => "integer";

    public override bool IsTrue => value != 0;
}

internal sealed class FloatValue(double value) : TemplateValue
{
    public double Value => value;

    public override string Kind => "float";

    public override bool IsTrue => value != 0;
}

internal sealed class ListValue(IReadOnlyList<TemplateValue> items) : TemplateValue
{
    public IReadOnlyList<TemplateValue> Items => items;

    public override string Kind => "list";

    public override bool IsTrue => items.Count > 0;
}

/// <summary>Variables that keep what loops assign to them.</summary>
internal sealed class NamespaceValue : TemplateValue
{
    public Dictionary<string, TemplateValue> Fields { get; } = new(StringComparer.Ordinal);

    public override string Kind => "namespace";

    public override TemplateValue? GetAttribute(string name) => Fields.GetValueOrDefault(name);
}

/// <summary>Something that can be called: a global, a method bound to its value, or a macro.</summary>
/// <param name="call">What runs.</param>
internal sealed class FunctionValue(Func<RenderContext, CallArguments, TemplateValue> call) : TemplateValue
{
    public override string Kind => "function";

    public TemplateValue Invoke(RenderContext context, CallArguments arguments) => call(context, arguments);
}

namespace Personalize.Core.Tokenization.Templates;

/// <summary>What stands after <c>is</c>.</summary>
internal static class TemplateTests
{
    private static readonly Dictionary<string, Func<RenderContext, TemplateValue, CallArguments, bool>> Tests = new(StringComparer.Ordinal)
    {
        ["boolean"] = (_, value, _) => value is BooleanValue,
        ["callable"] = (_, value, _) => value is FunctionValue,
        ["defined"] = (_, value, _) => value is not UndefinedValue,
        ["divisibleby"] = (context, value, arguments) => Remainder(context, value, Only(context, arguments)) == 0,
        ["eq"] = AreEqual,
        ["equalto"] = AreEqual,
        ["=="] = AreEqual,
        ["even"] = (context, value, _) => Remainder(context, value, new IntegerValue(2)) == 0,
        ["false"] = (_, value, _) => value is BooleanValue { Value: false },
        ["float"] = (_, value, _) => value is FloatValue,
        ["ge"] = (context, value, arguments) => TemplateOperations.Compare(context, value, Only(context, arguments)) >= 0,
        ["gt"] = (context, value, arguments) => TemplateOperations.Compare(context, value, Only(context, arguments)) > 0,
        ["in"] = (context, value, arguments) => TemplateOperations.Contains(context, Only(context, arguments), value),
        ["integer"] = (_, value, _) => value is IntegerValue,
        ["iterable"] = (_, value, _) => value is ListValue or MapValue or TemplateText or UndefinedValue,
        ["le"] = (context, value, arguments) => TemplateOperations.Compare(context, value, Only(context, arguments)) <= 0,
        ["lt"] = (context, value, arguments) => TemplateOperations.Compare(context, value, Only(context, arguments)) < 0,
        ["mapping"] = (_, value, _) => value is MapValue,
        ["ne"] = (context, value, arguments) => !AreEqual(context, value, arguments),
        ["none"] = (_, value, _) => value is NoneValue,

        // In Python a boolean is a number.
        ["number"] = (_, value, _) => value is IntegerValue or FloatValue or BooleanValue,
        ["odd"] = (context, value, _) => Remainder(context, value, new IntegerValue(2)) == 1,
        ["sequence"] = (_, value, _) => value is ListValue or MapValue or TemplateText or UndefinedValue,
        ["string"] = (_, value, _) => value is TemplateText,
        ["true"] = (_, value, _) => value is BooleanValue { Value: true },
        ["undefined"] = (_, value, _) => value is UndefinedValue,
    };

    public static Func<RenderContext, TemplateValue, CallArguments, bool>? Find(string name) => Tests.GetValueOrDefault(name);

    private static bool AreEqual(RenderContext context, TemplateValue value, CallArguments arguments) => TemplateOperations.AreEqual(context, value, Only(context, arguments));

    private static TemplateValue Only(RenderContext context, CallArguments arguments) => arguments.CheckCount(context, "the test", 1, 1).Positional[0];

    private static double Remainder(RenderContext context, TemplateValue value, TemplateValue divisor) =>
        TemplateArithmetic.TryGetNumber(TemplateArithmetic.Apply(context, "%", value, divisor), out var rest) ? rest : double.NaN;
}

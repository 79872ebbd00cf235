using System.CommandLine;
using System.Globalization;
using System.Numerics;

namespace Personalize.Cli.Options;

/// <summary>Ranges of options; a value outside is wrong usage, said in one line that names the option.</summary>
internal static class OptionRules
{
    public static Option<T> AtLeast<T>(this Option<T> option, double minimum) =>
        option.Check(value => value >= minimum, $"at least {Text(minimum)}");

    public static Option<T> InRange<T>(this Option<T> option, double minimum, double maximum) =>
        option.Check(value => value >= minimum && value <= maximum, $"from {Text(minimum)} to {Text(maximum)}");

    public static Option<T> Above<T>(this Option<T> option, double limit, double maximum = double.PositiveInfinity) =>
        option.Check(value => value > limit && value <= maximum, $"above {Text(limit)}" + (double.IsFinite(maximum) ? $" and at most {Text(maximum)}" : ""));

    /// <summary>Demands one of a few words; others are wrong usage.</summary>
    public static Option<T> OneOf<T>(this Option<T> option, params string[] words)
    {
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !words.Contains(token.Value, StringComparer.Ordinal))
            {
                result.AddError($"{option.Name} {token.Value} is not offered: it must be {string.Join(" or ", words)}");
            }
        });
        return option;
    }

    /// <summary>Demands exactly one of several options.</summary>
    public static void RequireOneOf(this Command command, params Option[] options) =>
        command.Validators.Add(result =>
        {
            if (options.Count(option => result.GetResult(option) is { Implicit: false }) != 1)
            {
                result.AddError($"{command.Name} needs {(options.Length == 1 ? "" : "exactly one of ")}{string.Join(", ", options.Select(option => option.Name))}");
            }
        });

    /// <summary>Demands at least one of several options.</summary>
    public static void RequireAnyOf(this Command command, params Option[] options) =>
        command.Validators.Add(result =>
        {
            if (!options.Any(option => result.GetResult(option) is { Implicit: false }))
            {
                result.AddError($"{command.Name} needs {string.Join(" or ", options.Select(option => option.Name))}");
            }
        });

    /// <summary>Demands that an option stands only beside another.</summary>
    public static void RequireTogether(this Command command, Option option, Option other) =>
        command.Validators.Add(result =>
        {
            if (result.GetResult(option) is { Implicit: false } && result.GetResult(other) is not { Implicit: false })
            {
                result.AddError($"{option.Name} needs {other.Name}");
            }
        });

    private static Option<T> Check<T>(this Option<T> option, Func<double, bool> accepts, string range)
    {
        option.Validators.Add(result =>
        {
            // A value that is no number at all has its own error already.
            if (result.Tokens.Count == 1
                && double.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && !(double.IsFinite(value) && accepts(value)))
            {
                result.AddError($"{option.Name} {result.Tokens[0].Value} is out of range: it must be {range}");
            }
        });
        return option;
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}

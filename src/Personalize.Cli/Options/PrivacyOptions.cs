using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Training.Privacy;

namespace Personalize.Cli.Options;

/// <summary><c>--epsilon E --delta D</c>: a guarantee, or what all of them together may come to.</summary>
internal static class PrivacyOptions
{
    private const double MaximumEpsilon = 500;
    private const double MaximumDelta = 0.1;

    public static Option<double?> Epsilon(string description) => new Option<double?>("--epsilon") { Description = description, HelpName = "E" }.Above(0, MaximumEpsilon);

    public static Option<double> Delta() => new Option<double>("--delta")
    {
        Description = "With which probability it may show by more",
        HelpName = "D",
        DefaultValueFactory = _ => PrivacyBudget.DefaultDelta,
    }.Above(0, MaximumDelta);

    /// <summary>Both figures, or null without an epsilon.</summary>
    public static PrivacyBudget? Read(CommandContext context, Option<double?> epsilon, Option<double> delta) =>
        context.Get(epsilon) is { } value ? new PrivacyBudget(value, context.Get(delta)) : null;
}

using System.CommandLine;
using Personalize.Core.Models;

namespace Personalize.Cli.Options;

/// <summary><c>--precision f32|served</c>.</summary>
internal static class PrecisionOption
{
    private const string Single = "f32";
    private const string Served = "served";

    public static Option<string> Create(ArithmeticPrecision standard) => new Option<string>("--precision")
    {
        Description = "f32 computes with exact weights and activations, served as when chatting",
        HelpName = $"{Single}|{Served}",
        DefaultValueFactory = _ => standard == ArithmeticPrecision.Served ? Served : Single,
    }.OneOf(Single, Served);

    public static ArithmeticPrecision Parse(string value) => value == Served ? ArithmeticPrecision.Served : ArithmeticPrecision.Single;
}

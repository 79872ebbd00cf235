using System.CommandLine;
using System.Globalization;

namespace Personalize.Cli.Options;

/// <summary>An option of whole numbers with commas between them, such as <c>64,128,256</c>.</summary>
internal static class NumberList
{
    /// <summary>Creates it; a number outside of the range is wrong usage.</summary>
    public static Option<int[]?> Create(string name, string description, int minimum, int maximum) => new(name)
    {
        Description = description,
        HelpName = "N,N...",
        CustomParser = result =>
        {
            var numbers = new List<int>();
            foreach (var part in result.Tokens[0].Value.Split(','))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < minimum || number > maximum)
                {
                    result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} needs whole numbers from {minimum} to {maximum} with commas between them"));
                    return null;
                }

                numbers.Add(number);
            }

            return [.. numbers];
        },
    };
}

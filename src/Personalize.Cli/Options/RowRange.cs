using System.CommandLine;
using System.Globalization;

namespace Personalize.Cli.Options;

/// <summary>Rows of a file, counted from 0, the last one included: <c>330..429</c>.</summary>
internal sealed record RowRange(int First, int Last)
{
    public int Count => Last - First + 1;

    public static Option<RowRange?> Create() => Create("--rows", "From row A up to and including row B, counted from 0 [default: all]");

    public static Option<RowRange?> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "A..B",
        CustomParser = result =>
        {
            var parts = result.Tokens[0].Value.Split("..");
            if (parts.Length == 2
                && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
                && first <= last
                && last < int.MaxValue)
            {
                return new RowRange(first, last);
            }

            result.AddError($"{name} needs the first and the last row, counted from 0, such as 330..429");
            return null;
        },
    };
}

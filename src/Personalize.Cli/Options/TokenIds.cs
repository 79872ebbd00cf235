using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Options;

/// <summary>A list of token ids as an option: <c>1,2,3</c>.</summary>
internal static class TokenIds
{
    /// <summary>Creates the option.</summary>
    public static Option<int[]?> Create(string description) => new("--ids")
    {
        Description = description,
        HelpName = "1,2,3",
        CustomParser = result =>
        {
            var ids = new List<int>();
            foreach (var part in result.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                {
                    result.AddError("--ids needs token ids from 0 on, separated by commas, such as 1,2,3");
                    return null;
                }

                ids.Add(id);
            }

            return [.. ids];
        },
    };

    /// <summary>Makes sure that a model knows all of the ids.</summary>
    /// <exception cref="UsageException">One is past the vocabulary.</exception>
    public static void Check(IEnumerable<int> ids, int vocabularySize)
    {
        foreach (var id in ids)
        {
            if (id >= vocabularySize)
            {
                throw new UsageException($"--ids {id} is past the vocabulary: the model has {vocabularySize} tokens, counted from 0");
            }
        }
    }
}

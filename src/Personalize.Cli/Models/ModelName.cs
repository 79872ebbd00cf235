using Personalize.Cli.Hosting;
using Personalize.Cli.Models.Pull;

namespace Personalize.Cli.Models;

/// <summary>What <c>--model</c> means: a file, or the name of a known model that was pulled.</summary>
internal static class ModelName
{
    /// <summary>The path of the model.</summary>
    /// <param name="value">What was typed.</param>
    /// <param name="folder">The folder of pulled models.</param>
    /// <returns>The value itself where it is no known name: the file is then found missing by who opens it.</returns>
    /// <exception cref="MissingModelException">The name is known and its file is not there, or it looks like a mistyped name.</exception>
    public static string Resolve(string value, string folder)
    {
        if (File.Exists(value))
        {
            return value;
        }

        if (KnownModels.Find(value) is { } known)
        {
            var path = Path.Combine(folder, known.FileName);
            return File.Exists(path) ? path : throw new MissingModelException($"the model {known.Name} is not here yet: fetch it with {CommandName.Current} models pull {known.Name}");
        }

        var isName = !value.Contains('/', StringComparison.Ordinal) && !value.Contains('\\', StringComparison.Ordinal) && !value.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);
        return isName && Suggestion.For(value, KnownModels.All.Select(model => model.Name)) is { Length: > 0 } guess
            ? throw new MissingModelException($"--model {value} is no file and no name of models list{guess}")
            : value;
    }
}

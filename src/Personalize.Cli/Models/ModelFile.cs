using Personalize.Cli.Hosting;
using Personalize.Cli.Models.Pull;
using Personalize.Cli.Profiles;
using Personalize.Core.Formats.Gguf;

namespace Personalize.Cli.Models;

/// <summary>Finds the model that a command works with.</summary>
internal static class ModelFile
{
    /// <summary>Opens the model that a command works with.</summary>
    /// <exception cref="MissingModelException">There is none.</exception>
    /// <exception cref="Core.Errors.ModelFormatException">The file is missing, damaged or no model.</exception>
    public static GgufFile Open(CommandContext context) => GgufFile.Open(Locate(context));

    /// <summary>The path of that model: what <c>--model</c> names, else the one the profile remembers, else a larger one beside the checkout, else the bundled one.</summary>
    /// <exception cref="MissingModelException">There is none.</exception>
    public static string Locate(CommandContext context) => TryLocate(context) ?? throw new MissingModelException("no model is known: pass one with --model PATH (a GGUF file)");

    /// <summary>The same, or null.</summary>
    /// <exception cref="MissingModelException">A known name was given whose file is not here, or a mistyped one.</exception>
    public static string? TryLocate(CommandContext context)
    {
        if (context.ModelName is { } name)
        {
            return name == BundledModel.Name && !File.Exists(name) ? BundledModel.Path ?? name : ModelName.Resolve(name, ModelFolder.Default);
        }

        return Remembered(context) ?? SharedModel.Find() ?? BundledModel.Path;
    }

    // Another build of the command has its bundled model elsewhere.
    private static string? Remembered(CommandContext context) => RememberedModel.Read(context.DataDirectory) is { } path
        ? !File.Exists(path) && BundledModel.IsBundled(path) ? BundledModel.Path ?? path : path
        : null;
}

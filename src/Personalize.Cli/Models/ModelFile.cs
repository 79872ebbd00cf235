using Personalize.Cli.Hosting;
using Personalize.Cli.Models.Pull;
using Personalize.Cli.Profiles;
using Personalize.Core.Formats.Gguf;

namespace Personalize.Cli.Models;

/// <summary>Finds the model that a command works with.</summary>
internal static class ModelFile
{
    /// <summary>Opens the model that <c>--model</c> names, else the one the profile remembers.</summary>
    /// <exception cref="MissingModelException">Neither names one.</exception>
    /// <exception cref="Core.Errors.ModelFormatException">The file is missing, damaged or no model.</exception>
    public static GgufFile Open(CommandContext context) => GgufFile.Open(Locate(context));

    /// <summary>The path of that model.</summary>
    /// <exception cref="MissingModelException">Neither names one.</exception>
    public static string Locate(CommandContext context) =>
        (context.ModelName is { } name ? ModelName.Resolve(name, ModelFolder.Default) : null) ?? RememberedModel.Read(context.DataDirectory) ?? throw new MissingModelException("no model is known: pass one with --model PATH (a GGUF file)");
}

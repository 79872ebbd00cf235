using System.CommandLine;

namespace Personalize.Cli.Options;

/// <summary><c>--adapter ID|PATH|none</c>.</summary>
internal static class AdapterOption
{
    /// <summary>What stands for the base model alone.</summary>
    public const string None = "none";

    public static Option<string?> Create() => new("--adapter")
    {
        Description = "An adapter of this profile, a PEFT folder, or none for the base model [default: the promoted one]",
        HelpName = "ID|PATH|none",
    };
}

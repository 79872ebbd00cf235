using System.CommandLine;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Presentation;

/// <summary>What can follow a command.</summary>
/// <param name="Path">The command's path, like <c>store erase</c>; empty for the program itself.</param>
/// <param name="Commands">Its subcommands.</param>
/// <param name="Options">Its options, those of all commands included.</param>
internal sealed record CompletionEntry(string Path, IReadOnlyList<string> Commands, IReadOnlyList<string> Options)
{
    /// <summary>All words, commands first.</summary>
    public string Words => string.Join(' ', Commands.Concat(Options));

    /// <summary>The entries of a tree of commands.</summary>
    public static IReadOnlyList<CompletionEntry> Of(RootCommand root) =>
        [.. CommandTree.All(root).Select(entry => new CompletionEntry(entry.Path, [.. entry.Command.Subcommands.Select(child => child.Name)], [.. CommandTree.OptionsOf(entry.Command, root)]))];
}

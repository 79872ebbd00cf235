using System.CommandLine;
using System.CommandLine.Parsing;

namespace Personalize.Cli.Hosting;

/// <summary>Looks at the tree of commands.</summary>
internal static class CommandTree
{
    /// <summary>Every command with its path, like <c>store erase</c>; the root's is empty.</summary>
    public static IEnumerable<(string Path, Command Command)> All(RootCommand root) => Below("", root);

    /// <summary>The long names of the options that a command takes, those of all commands included.</summary>
    public static IEnumerable<string> OptionsOf(Command command, RootCommand root) =>
        command.Options.Concat(root.Options.Where(option => option.Recursive)).Where(option => !option.Hidden).Select(option => option.Name).Distinct(StringComparer.Ordinal);

    /// <summary>The same for a command that was parsed.</summary>
    public static IEnumerable<string> OptionsOf(CommandResult result) =>
        result.Command.Options.Concat(Parents(result).SelectMany(parent => parent.Command.Options.Where(option => option.Recursive))).Select(option => option.Name).Distinct(StringComparer.Ordinal);

    private static IEnumerable<CommandResult> Parents(CommandResult result)
    {
        for (var parent = result.Parent; parent is not null; parent = parent.Parent)
        {
            if (parent is CommandResult command)
            {
                yield return command;
            }
        }
    }

    private static IEnumerable<(string Path, Command Command)> Below(string path, Command command)
    {
        yield return (path, command);
        foreach (var child in command.Subcommands.SelectMany(child => Below(path.Length == 0 ? child.Name : $"{path} {child.Name}", child)))
        {
            yield return child;
        }
    }
}

using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Presentation;

namespace Personalize.Cli.Commands;

/// <summary><c>completions</c>: scripts with which a shell completes commands and options.</summary>
internal static class CompletionsCommand
{
    public static Command Create(CommandHost host, RootCommand root)
    {
        var command = new Command("completions", "Write the script with which a shell completes commands and options");
        Add("bash", CompletionScripts.Bash);
        Add("zsh", CompletionScripts.Zsh);
        Add("fish", CompletionScripts.Fish);
        Add("pwsh", CompletionScripts.PowerShell);
        return command;

        void Add(string shell, Func<IReadOnlyList<CompletionEntry>, string> write)
        {
            var child = new Command(shell, $"For {shell}");
            host.Bind(child, context =>
            {
                var script = write(CompletionEntry.Of(root));
                context.Output.Result(json => json.WriteString("script", script), console => console.Profile.Out.Writer.Write(script));
                return ExitCode.Done;
            });
            command.Subcommands.Add(child);
        }
    }
}

using System.CommandLine;
using Personalize.Cli.Hosting;

namespace Personalize.Cli.Commands;

/// <summary><c>agent</c>: training whenever the device's conditions allow.</summary>
internal static class AgentCommand
{
    public static Command Create(CommandHost host) => new("agent", "Train whenever the device charges, is idle and cool")
    {
        AgentRunCommand.Create(host),
        AgentStatusCommand.Create(host),
        AgentInstallCommand.Create(host),
    };
}

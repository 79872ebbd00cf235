using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Devices;
using Personalize.Hosting.Overnight;

namespace Personalize.Cli.Commands;

/// <summary><c>agent status</c>: the conditions now, what waits to be learnt, and what the agent did.</summary>
internal static class AgentStatusCommand
{
    private const int ShownEntries = 10;

    public static Command Create(CommandHost host)
    {
        var assume = ConditionOptions.Assume();
        var command = new Command("status", "The device's conditions, what waits to be learnt, what was done and why not") { assume };
        host.Bind(command, context =>
        {
            var conditions = ConditionOptions.Open(context, assume);
            using var profile = ProfileAccess.TryOpenForReading(context);
            var status = profile is null
                ? new OvernightStatus(conditions.Read(isWorking: false), 0, HasPendingJob: false, IsTraining: false, OvernightHistory.Empty)
                : OvernightStatus.Read(profile, conditions);
            context.Output.Result(json => AgentText.WriteStatus(json, status), _ => context.Output.Text(Describe(status)));
            return ExitCode.Done;
        });
        return command;
    }

    private static string Describe(OvernightStatus status)
    {
        var lines = new List<string>();
        foreach (var (condition, reading) in status.Conditions.Each)
        {
            lines.Add($"{condition.ToString().ToLowerInvariant(),-10}{Word(reading),-9}{reading.Reason}");
        }

        lines.Add($"pending   {status.PendingInteractions} new interactions{(status.IsTraining ? ", a job is running" : status.HasPendingJob ? ", a job is to be gone on with" : "")}");
        lines.Add($"last run  {(status.History.LastRun is { } last ? AgentText.Line(last) : "none")}");
        lines.AddRange(status.History.Entries.TakeLast(ShownEntries).Select(entry => "  " + AgentText.Line(entry)));
        return string.Join('\n', lines) + "\n";
    }

    private static string Word(DeviceReading reading) => reading.Holds switch
    {
        true => "yes",
        false => "no",
        null => "unknown",
    };
}

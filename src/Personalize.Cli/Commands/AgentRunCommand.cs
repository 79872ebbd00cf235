using System.CommandLine;
using System.Text.Json;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Profiles;
using Personalize.Hosting.Overnight;

namespace Personalize.Cli.Commands;

/// <summary><c>agent run</c>: looks whether it may and should train, once or until it is stopped.</summary>
internal static class AgentRunCommand
{
    private const int LongestLookSeconds = 24 * 3600;

    public static Command Create(CommandHost host)
    {
        var once = new Option<bool>("--once") { Description = "Look once, work if the conditions hold, and end" };
        var fresh = new Option<int>("--min-new") { Description = "How many new interactions it takes to train again", HelpName = "N", DefaultValueFactory = _ => new OvernightOptions().MinimumNewInteractions }.InRange(1, 1_000_000);
        var keep = new Option<int>("--keep") { Description = "How many adapters stay beside the one in use", HelpName = "N", DefaultValueFactory = _ => new OvernightOptions().KeepVersions }.InRange(1, 1000);
        var every = new Option<double>("--look-every") { Description = "Seconds between two looks", HelpName = "SECONDS", DefaultValueFactory = _ => new OvernightOptions().LookInterval.TotalSeconds }.InRange(0.1, LongestLookSeconds);
        var settle = new Option<double?>("--settle") { Description = "For how many seconds the conditions must have held [default: 120, with --once 0]", HelpName = "SECONDS" };
        var recipe = RecipeOption.Create();
        var assume = ConditionOptions.Assume();
        var command = new Command("run", "Look, wait, train, judge; yields within a second when you come back") { once, fresh, keep, every, settle, recipe, assume };
        host.Bind(command, context =>
        {
            var options = new OvernightOptions
            {
                MinimumNewInteractions = context.Get(fresh),
                KeepVersions = context.Get(keep),
                LookInterval = TimeSpan.FromSeconds(context.Get(every)),
                Settle = TimeSpan.FromSeconds(context.Get(settle) ?? (context.Get(once) ? 0 : new OvernightOptions().Settle.TotalSeconds)),
                Recipe = RecipeOption.Read(context, context.Get(recipe), null),
            };
            var agent = new OvernightAgent(
                new FolderProfileAccess(reading => reading ? ProfileAccess.OpenForReading(context) : ProfileAccess.OpenExistingForWriting(context), () => Profile.Exists(context.DataDirectory)),
                () => OvernightModel.Load(ModelFile.Locate(context), context.Threads, context.Time),
                ConditionOptions.Open(context, assume),
                options,
                context.Time);
            return context.Get(once) ? Once(context, agent) : Always(context, agent, options.LookInterval);
        });
        return command;
    }

    private static int Once(CommandContext context, OvernightAgent agent)
    {
        var entry = agent.LookAsync(context.CancellationToken).GetAwaiter().GetResult();
        context.Output.Result(json => AgentText.WriteEntry(json, entry), _ => context.Output.Text(AgentText.Line(entry) + "\n"));
        return entry.Kind switch
        {
            OvernightKind.Promoted or OvernightKind.RolledBack => ExitCode.Done,
            OvernightKind.Failed => ExitCode.Failed,
            _ => ExitCode.Refused,
        };
    }

    private static int Always(CommandContext context, OvernightAgent agent, TimeSpan interval)
    {
        var (looks, runs, said) = (0, 0, "");
        try
        {
            while (true)
            {
                var entry = agent.LookAsync(context.CancellationToken).GetAwaiter().GetResult();
                looks++;
                runs += entry.IsRun ? 1 : 0;
                if (entry.IsRun || entry.Reason != said)
                {
                    said = entry.Reason;
                    context.Output.Note(AgentText.Line(entry));
                }

                context.CancellationToken.WaitHandle.WaitOne(interval);
            }
        }
        catch (OperationCanceledException)
        {
            // Being stopped is how it ends.
            context.Output.Result(
                json =>
                {
                    json.WriteNumber("looks", looks);
                    json.WriteNumber("runs", runs);
                },
                _ => context.Output.Text($"stopped after {looks} looks, {runs} of which did work; nothing is lost\n"));
            return ExitCode.Done;
        }
    }
}

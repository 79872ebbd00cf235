using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Privacy;

namespace Personalize.Cli.Commands;

/// <summary><c>store retain</c>: erases what is over a limit, the oldest first.</summary>
internal static class StoreRetainCommand
{
    private const int MostDays = 36_500;

    public static Command Create(CommandHost host)
    {
        var days = new Option<int?>("--days") { Description = "Keep what was written in the last N days", HelpName = "N" }.InRange(0, MostDays);
        var count = new Option<long?>("--count") { Description = "Keep the newest N interactions", HelpName = "N" }.AtLeast(0);
        var bytes = new Option<long?>("--bytes") { Description = "Keep the newest interactions that take at most N bytes, sealed", HelpName = "N" }.AtLeast(0);
        var command = new Command("retain", "Erase the oldest of what is stored, down to a limit") { days, count, bytes };
        command.RequireAnyOf(days, count, bytes);
        host.Bind(command, context =>
        {
            var policy = new RetentionPolicy
            {
                MaximumAge = context.Get(days) is { } age ? TimeSpan.FromDays(age) : null,
                MaximumCount = context.Get(count),
                MaximumBytes = context.Get(bytes),
            };
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var expired = profile.Interactions.FindExpired(policy);

            // Where nothing goes there is no reason to change the key.
            ErasureText.Write(context.Output, expired.Count == 0 ? new StoreErasure(0, []) : StoreErasure.Run(profile, expired));
            return ExitCode.Done;
        });
        return command;
    }
}

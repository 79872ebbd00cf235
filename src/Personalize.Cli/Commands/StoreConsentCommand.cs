using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Profiles;

namespace Personalize.Cli.Commands;

/// <summary><c>store consent</c>: from where texts are stored.</summary>
internal static class StoreConsentCommand
{
    public static Command Create(CommandHost host)
    {
        var source = new Argument<string>("source") { Description = "An app's name; cli is what you type or import yourself" };
        var give = new Option<bool>("--give") { Description = "From now on what it sends is stored" };
        var withdraw = new Option<bool>("--withdraw") { Description = "From now on nothing of it is stored; what is there stays until erased" };
        var command = new Command("consent", "Decide from where texts are stored") { source, give, withdraw };
        command.RequireOneOf(give, withdraw);
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForWriting(context);
            var ledger = profile.Interactions.Consent;
            var name = context.Get(source);
            var given = context.Get(give);
            if (given)
            {
                ledger.Give(name);
            }
            else
            {
                ledger.Withdraw(name);
            }

            context.Output.Result(
                json =>
                {
                    json.WriteString("source", name);
                    json.WriteBoolean("given", ledger.IsGiven(name));
                },
                _ => context.Output.Text($"consent for {name} {(given ? "given" : "withdrawn")}\n"));
            return ExitCode.Done;
        });
        return command;
    }
}

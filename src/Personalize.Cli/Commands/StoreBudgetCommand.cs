using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Training.Privacy;

namespace Personalize.Cli.Commands;

/// <summary><c>store budget</c>: what all private training jobs together may reveal of one text.</summary>
internal static class StoreBudgetCommand
{
    public static Command Create(CommandHost host)
    {
        var epsilon = PrivacyOptions.Epsilon("From now on all jobs together may come to this");
        var delta = PrivacyOptions.Delta();
        var command = new Command("budget", "What private training may reveal of one text, and what it has") { epsilon, delta };
        command.RequireTogether(delta, epsilon);
        host.Bind(command, context =>
        {
            var budget = PrivacyOptions.Read(context, epsilon, delta);
            using var profile = budget is null ? ProfileAccess.OpenForReading(context) : ProfileAccess.OpenExistingForWriting(context);
            using var ledger = new PrivacyLedger(profile);
            if (budget is not null)
            {
                ledger.SetBudget(budget);
            }

            budget = ledger.Budget;
            var spending = ledger.GetSpending();
            context.Output.Result(
                json =>
                {
                    json.WriteNumber("budgetEpsilon", budget.Epsilon);
                    json.WriteNumber("budgetDelta", budget.Delta);
                    PrivacyText.WriteSpending(json, spending);
                },
                _ => context.Output.Text(PrivacyText.Line(spending, budget) + "\n"));
            return ExitCode.Done;
        });
        return command;
    }
}

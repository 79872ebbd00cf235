using System.CommandLine;
using Personalize.Cli.Hosting;
using Personalize.Cli.Profiles;
using Personalize.Core.Interactions;

namespace Personalize.Cli.Commands;

/// <summary><c>store verify</c>: whether all that was stored is there, unchanged.</summary>
internal static class StoreVerifyCommand
{
    public static Command Create(CommandHost host)
    {
        var command = new Command("verify", "Check that nothing stored was changed");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var found = profile.Interactions.Verify(context.CancellationToken);
            context.Output.Result(
                json =>
                {
                    json.WriteNumber("records", found.Records);
                    json.WriteStartArray("corrupt");
                    foreach (var id in found.Corrupt)
                    {
                        json.WriteNumberValue(id);
                    }

                    json.WriteEndArray();
                    json.WriteBoolean("consentIntact", found.ConsentIntact);
                    json.WriteBoolean("structureIntact", found.StructureIntact);
                    json.WriteBoolean("complete", found.IsComplete);
                    json.WriteNumber("missing", found.Missing);
                    if (found.Added is { } added)
                    {
                        json.WriteNumber("added", added);
                    }

                    json.WriteString("damage", found.Damage?.ToString());
                },
                _ => context.Output.Text(Describe(found) + "\n"));
            return found.IsClean ? ExitCode.Done : ExitCode.KeyOrStore;
        });
        return command;
    }

    private static string Describe(StoreVerification found)
    {
        if (found.IsClean)
        {
            return $"{found.Records} records, all whole";
        }

        var parts = new List<string> { $"{found.Records} records" };
        void Add(bool holds, string what)
        {
            if (holds)
            {
                parts.Add(what);
            }
        }

        Add(found.Corrupt.Count > 0, "damaged: " + string.Join(", ", found.Corrupt));
        Add(found.Missing > 0, $"{found.Missing} missing");
        Add(found.Added is not null, $"{found.Added} was put back or added");
        Add(!found.IsComplete && found.Missing == 0 && found.Added is null, "not the rows that were stored");
        Add(!found.ConsentIntact, "the consent ledger was changed");
        Add(!found.StructureIntact, "the database's structure is damaged");
        Add(found.DamageDetail is not null, found.DamageDetail ?? "");
        return string.Join("; ", parts) + "; store export --intact saves what is whole";
    }
}

using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Hosting;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Training.Privacy;
using Spectre.Console;

namespace Personalize.Cli.Commands;

/// <summary><c>store status</c>: how much is stored, and what was consented to.</summary>
internal static class StoreStatusCommand
{
    public static Command Create(CommandHost host)
    {
        var command = new Command("status", "How much is stored, since when, and what you consented to");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var status = profile.Interactions.GetStatus();

            // Of a damaged store the figures can still be read; what was consented to cannot be trusted then.
            var consent = status.Damage is null ? profile.Interactions.Consent.History : [];
            using var ledger = new PrivacyLedger(profile);
            var (spending, budget) = (ledger.GetSpending(), ledger.Budget);
            context.Output.Result(
                json =>
                {
                    json.WriteNumber("interactions", status.Interactions);
                    json.WriteNumber("bytes", status.Bytes);
                    json.WriteString("keyId", status.KeyId);
                    json.WriteString("oldest", Iso(status.Oldest));
                    json.WriteString("newest", Iso(status.Newest));
                    json.WriteNumber("redacted", status.Redacted);
                    json.WriteNumber("lost", status.Lost);
                    json.WriteNumber("seals", status.Seals);
                    json.WriteBoolean("keyChangePending", status.IsKeyChangePending);
                    json.WriteString("damage", status.Damage?.ToString());
                    json.WriteStartArray("consent");
                    foreach (var entry in consent)
                    {
                        json.WriteStartObject();
                        json.WriteString("source", entry.Source);
                        json.WriteBoolean("given", entry.Given);
                        json.WriteString("at", Iso(entry.At));
                        json.WriteEndObject();
                    }

                    json.WriteEndArray();
                    PrivacyText.WriteSpending(json, spending);
                },
                console =>
                {
                    var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "");
                    table.AddRow("interactions", status.Interactions.ToString(CultureInfo.InvariantCulture));
                    table.AddRow("size", $"{status.Bytes / 1e6:F2} MB");
                    table.AddRow("key", status.KeyId);
                    table.AddRow("oldest", Iso(status.Oldest) ?? "-");
                    table.AddRow("newest", Iso(status.Newest) ?? "-");
                    table.AddRow("redacted", $"{status.Redacted} secrets were taken out before storing");
                    if (status.Lost > 0)
                    {
                        table.AddRow("lost", $"{status.Lost} interactions were given up by store mend");
                    }

                    if (status.IsKeyChangePending)
                    {
                        table.AddRow("key change", "was cut short: store rotate-key completes it");
                    }

                    if (status.Damage is { } damage)
                    {
                        table.AddRow("damage", $"{damage}: store verify says more");
                    }

                    foreach (var entry in consent)
                    {
                        table.AddRow("consent", Markup.Escape($"{entry.Source} {(entry.Given ? "given" : "withdrawn")} {Iso(entry.At)}"));
                    }

                    table.AddRow("privacy", PrivacyText.Line(spending, budget));
                    console.Write(table);
                });
            return ExitCode.Done;
        });
        return command;
    }

    private static string? Iso(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}

using System.CommandLine;
using System.Globalization;
using Personalize.Cli.Hosting;
using Personalize.Cli.Models;
using Personalize.Cli.Options;
using Personalize.Cli.Presentation;
using Personalize.Cli.Profiles;
using Personalize.Core.Interactions;
using Personalize.Training.Jobs;
using Personalize.Training.Privacy;
using Spectre.Console;

namespace Personalize.Cli.Commands;

/// <summary><c>store</c>: the encrypted store of the profile.</summary>
internal static class StoreCommand
{
    public static Command Create(CommandHost host) => new("store", "What is stored about you, encrypted")
    {
        CreateStatus(host),
        CreateVerify(host),
        CreateExport(host),
        CreateErase(host),
        CreateConsent(host),
        StoreBudgetCommand.Create(host),
    };

    private static Command CreateStatus(CommandHost host)
    {
        var command = new Command("status", "How much is stored, since when, and what you consented to");
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var status = profile.Interactions.GetStatus();
            var consent = profile.Interactions.Consent.History;
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

    private static Command CreateVerify(CommandHost host)
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
                },
                _ => context.Output.Text(Describe(found) + "\n"));
            return found.IsClean ? ExitCode.Done : ExitCode.KeyOrStore;
        });
        return command;
    }

    private static string Describe(StoreVerification found) => found.IsClean
        ? $"{found.Records} records, all whole"
        : $"{found.Records} records, damaged: {(found.Corrupt.Count == 0 ? "none" : string.Join(", ", found.Corrupt))}"
            + (found.ConsentIntact ? "" : "; the consent ledger was changed")
            + (found.StructureIntact ? "" : "; the database's structure is damaged")
            + "; store export --intact saves the rest";

    private static Command CreateExport(CommandHost host)
    {
        var path = new Argument<string>("file") { Description = "Receives JSON lines in the clear, readable by you alone" };
        var intact = new Option<bool>("--intact") { Description = "Pass over records that were damaged" };
        var command = new Command("export", "Write everything that is stored to a file, in the clear") { path, intact };
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenForReading(context);
            var store = profile.Interactions;
            long count = 0;
            OutputFile.WritePrivate(context.Get(path), stream => count = InteractionJsonLines.Write(stream, context.Get(intact) ? store.ReadIntact() : store.ReadAll()));
            context.Output.Result(json => json.WriteNumber("exported", count), _ => context.Output.Text($"{count} exported\n"));
            return ExitCode.Done;
        });
        return command;
    }

    private static Command CreateErase(CommandHost host)
    {
        var id = new Option<long?>("--id") { Description = "The interaction to erase", HelpName = "N" }.AtLeast(1);
        var all = new Option<bool>("--all") { Description = "Erase all interactions and saved conversations" };
        var command = new Command("erase", "Erase from the store, for good") { id, all };
        command.RequireOneOf(id, all);
        host.Bind(command, context =>
        {
            using var profile = ProfileAccess.OpenExistingForWriting(context);
            var (erased, affected) = Erase(profile, context.Get(id));
            context.Output.Result(
                json =>
                {
                    json.WriteNumber("erased", erased);
                    json.WriteStartArray("adaptersAffected");
                    foreach (var adapter in affected)
                    {
                        json.WriteStringValue(adapter);
                    }

                    json.WriteEndArray();
                },
                _ =>
                {
                    context.Output.Text($"{erased} erased\n");
                    foreach (var adapter in affected)
                    {
                        context.Output.Warning($"adapter {adapter} may have learned from what was erased: train --now --resume makes one that never saw it, then adapters remove {adapter}");
                    }
                });
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Makes training forget first, so that a kill in between leaves nothing that learned from a text the store no longer holds and nobody knows of.</summary>
    private static (long Erased, IReadOnlyList<string> Affected) Erase(Core.Profiles.Profile profile, long? id)
    {
        using var journal = JobJournal.Open(profile);
        var adapters = profile.Adapters;

        // Of adapters without a plan, such as older ones, the range of ids is all that is known.
        var unplanned = adapters.List().Where(adapter => !journal.Knows(adapter.Id) && adapter.Provenance.TrainedOn is { Count: > 0 } range && (id is null || range.MayContain(id.Value))).Select(adapter => adapter.Id).ToList();
        if (id is null)
        {
            EraseConversations(profile.Conversations);
        }

        var planned = id is { } one ? journal.Forget(one, adapters) : journal.ForgetAll(adapters);
        var erased = id is { } row ? (profile.Interactions.Erase(row) ? 1 : 0) : profile.Interactions.EraseAll();
        return (erased, erased == 0 ? [] : [.. unplanned, .. planned]);
    }

    /// <summary>What was said in saved conversations is the person's text as well.</summary>
    private static void EraseConversations(Core.Profiles.ConversationArchive conversations)
    {
        foreach (var name in conversations.List())
        {
            conversations.Delete(name);
        }
    }

    private static Command CreateConsent(CommandHost host)
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

    private static string? Iso(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
}

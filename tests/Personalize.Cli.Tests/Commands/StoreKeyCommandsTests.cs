using Personalize.Cli.Hosting;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Tests.Commands;

/// <summary>store rotate-key, passphrase, mend, retain and erase with what they leave behind.</summary>
public sealed class StoreKeyCommandsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_new_key_is_named_and_everything_still_reads()
    {
        Run("record", "--context", "c", "--text", "a").Succeeds();
        var before = Run("store", "status", "--json").Json.GetProperty("keyId").GetString();
        var changed = Run("store", "rotate-key", "--json").Succeeds().Json;
        Assert.Equal(before, changed.GetProperty("retiredKeyId").GetString());
        var status = Run("store", "status", "--json").Succeeds().Json;
        Assert.Equal(changed.GetProperty("keyId").GetString(), status.GetProperty("keyId").GetString());
        Assert.NotEqual(before, status.GetProperty("keyId").GetString());
        Assert.False(status.GetProperty("keyChangePending").GetBoolean());
        Assert.Empty(Run("store", "verify", "--json").Succeeds().Json.GetProperty("corrupt").EnumerateArray());
    }

    [Fact]
    public void A_passphrase_is_set_changed_and_removed()
    {
        var first = _folder.Write("first.txt", "correct horse\n");
        var second = _folder.Write("second.txt", "battery staple\n");
        Run("record", "--context", "c", "--text", "a").Succeeds();
        Run("store", "passphrase").FailsWith(ExitCode.Usage, "--new-passphrase-file");
        Assert.Equal("passphrase", Run("store", "passphrase", "--new-passphrase-file", first, "--json").Succeeds().Json.GetProperty("protector").GetString());
        Run("store", "status").FailsWith(ExitCode.KeyOrStore, "passphrase");
        Run("store", "passphrase", "--new-passphrase-file", second, "--passphrase-file", first).Succeeds();
        Run("store", "verify", "--passphrase-file", first).FailsWith(ExitCode.KeyOrStore);
        Run("store", "verify", "--passphrase-file", second).Succeeds();
        Run("store", "passphrase", "--remove", "--passphrase-file", second).Succeeds();
        Run("store", "verify").Succeeds();
    }

    [Fact]
    public void Budgets_of_an_older_version_survive_a_new_key()
    {
        var from = SharedFiles.Fixture("profiles/version-1-key-file");
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(_folder["profile"], Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(copy, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        Assert.Equal(5, Budget());
        Run("store", "rotate-key").Succeeds();
        Assert.Equal(5, Budget());
        Assert.Equal(3, Run("store", "verify", "--json").Succeeds().Json.GetProperty("records").GetInt32());

        double Budget() => Run("store", "budget", "--json").Succeeds().Json.GetProperty("budgetEpsilon").GetDouble();
    }

    [Fact]
    public void The_words_of_what_was_erased_stand_nowhere()
    {
        Run("record", "--context", ErasedWords.All[1], "--text", ErasedWords.All[0]).Succeeds();
        Run("record", "--context", "c", "--text", "stays").Succeeds();
        Run("store", "erase", "--id", "1").Succeeds();
        AssertNowhere();
        Assert.Equal(1, Run("store", "verify", "--json").Succeeds().Json.GetProperty("records").GetInt32());
    }

    [Fact]
    public void A_source_is_erased_alone()
    {
        Run("record", "--context", "c", "--text", "mine").Succeeds();
        Run("store", "consent", "mail", "--give").Succeeds();
        Run("import", _folder.Write("mail.jsonl", $$"""{"timestamp": 1, "context": "{{ErasedWords.All[1]}}", "text": "{{ErasedWords.All[0]}}"}""" + "\n"), "--source", "mail").Succeeds();
        var before = Run("store", "status", "--json").Json.GetProperty("keyId").GetString();
        Assert.Equal(1, Run("store", "erase", "--source", "mail", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
        Assert.NotEqual(before, Run("store", "status", "--json").Json.GetProperty("keyId").GetString());
        Run("store", "export", _folder["out.jsonl"]).Succeeds();
        Assert.Contains("mine", Assert.Single(File.ReadAllLines(_folder["out.jsonl"])), StringComparison.Ordinal);
        AssertNowhere();
    }

    [Fact]
    public void Retaining_keeps_the_newest()
    {
        Run("import", _folder.Write("lines.jsonl", string.Concat(Enumerable.Range(1, 5).Select(i => $$"""{"timestamp": {{i}}, "context": "c", "text": "t{{i}}"}""" + "\n")))).Succeeds();
        Assert.Equal(3, Run("store", "retain", "--count", "2", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
        Assert.Equal(0, Run("store", "retain", "--count", "2", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
        Run("store", "export", _folder["out.jsonl"]).Succeeds();
        Assert.Equal(2, File.ReadAllLines(_folder["out.jsonl"]).Length);
        Assert.Equal(2, Run("store", "retain", "--days", "1", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
    }

    [Fact]
    public void Everything_erased_leaves_no_file_and_no_key()
    {
        var passphrase = _folder.Write("p.txt", "correct horse\n");
        Run("record", "--context", "c", "--text", "a", "--passphrase-file", passphrase).Succeeds();
        Run("store", "erase", "--everything").Succeeds();
        Assert.Empty(Directory.GetFiles(_folder["profile"], "*", SearchOption.AllDirectories));
        Run("store", "status").FailsWith(ExitCode.BadFile, "no profile");
        Run("store", "erase", "--everything").FailsWith(ExitCode.BadFile, "no profile");
    }

    [Fact]
    public void Secrets_are_counted_and_not_stored()
    {
        Assert.Equal(1, Run("record", "--context", "c", "--text", "use AKIAIOSFODNN7EXAMPLE", "--json").Succeeds().Json.GetProperty("redacted").GetInt32());
        var file = _folder.Write("lines.jsonl", """{"timestamp": 1, "context": "https://u:pw@h/", "text": "card 4111111111111111"}""" + "\n");
        Assert.Equal(2, Run("import", file, "--json").Succeeds().Json.GetProperty("redacted").GetInt32());
        Assert.Equal(3, Run("store", "status", "--json").Succeeds().Json.GetProperty("redacted").GetInt32());
        Run("store", "export", _folder["out.jsonl"]).Succeeds();
        Assert.DoesNotContain("AKIA", File.ReadAllText(_folder["out.jsonl"]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_store_put_back_is_refused_and_can_be_exported_and_accepted()
    {
        Run("record", "--context", "c", "--text", "yesterday").Succeeds();
        var database = Path.Combine(_folder["profile"], "interactions.db");
        File.Copy(database, _folder["kept.db"]);
        Run("record", "--context", "c", "--text", "today").Succeeds();
        File.Copy(_folder["kept.db"], database, overwrite: true);

        Run("record", "--context", "c", "--text", "new").FailsWith(ExitCode.KeyOrStore, "earlier state", "store mend");
        Run("store", "export", _folder["out.jsonl"]).FailsWith(ExitCode.KeyOrStore);
        var found = Run("store", "verify", "--json");
        Assert.Equal((ExitCode.KeyOrStore, "RolledBack"), (found.ExitCode, found.Json.GetProperty("damage").GetString()));
        Assert.Equal("RolledBack", Run("store", "status", "--json").Succeeds().Json.GetProperty("damage").GetString());
        Assert.Equal(1, Run("store", "export", _folder["out.jsonl"], "--intact", "--json").Succeeds().Json.GetProperty("exported").GetInt32());
        Assert.Equal(1, Run("store", "mend", "--json").Succeeds().Json.GetProperty("interactions").GetInt32());
        Run("store", "verify").Succeeds();
        Run("record", "--context", "c", "--text", "new").Succeeds();
    }

    [Fact]
    public void The_benchmark_of_the_store_says_what_it_measured()
    {
        var json = Run("bench", "store", "--largest", "1000", "--appends", "3", "--json").Succeeds().Json;
        foreach (var field in new[] { "flushesPerSecond", "appendsPerSecond", "batchSize", "batchedRecordsPerSecond", "readSlowdown" })
        {
            Assert.True(json.GetProperty(field).GetDouble() > 0, field);
        }

        var size = Assert.Single(json.GetProperty("sizes").EnumerateArray());
        Assert.Equal(1000, size.GetProperty("records").GetInt32());
        Assert.True(size.GetProperty("databaseBytes").GetInt64() > 100_000);
        Assert.False(Profile.Exists(_folder["profile"]));
    }

    private void AssertNowhere() => ErasedWords.AssertNowhere(Directory.GetFiles(_folder["profile"], "*", SearchOption.AllDirectories));

    private CommandRun Run(params string[] args) => CommandRun.Of([.. args, "--data", _folder["profile"]]);
}

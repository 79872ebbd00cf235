using Personalize.Cli.Hosting;
using Personalize.Core.Profiles;

namespace Personalize.Cli.Tests.Commands;

/// <summary>record, import and store.</summary>
public sealed class StoreCommandsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Recording_makes_a_profile_and_writes_consent_down()
    {
        Assert.Equal(1, Run("record", "--context", "c", "--text", "a 🙂 مرحبا", "--json").Succeeds().Json.GetProperty("id").GetInt64());
        Assert.Equal(2, Run("record", "--context", "", "--text", "b", "--json").Succeeds().Json.GetProperty("id").GetInt64());

        var status = Run("store", "status", "--json").Succeeds().Json;
        Assert.Equal(2, status.GetProperty("interactions").GetInt32());
        Assert.True(status.GetProperty("bytes").GetInt64() > 0);
        Assert.NotEmpty(status.GetProperty("keyId").GetString()!);
        Assert.True(status.GetProperty("oldest").GetDateTimeOffset() <= status.GetProperty("newest").GetDateTimeOffset());
        var consent = Assert.Single(status.GetProperty("consent").EnumerateArray());
        Assert.Equal("cli", consent.GetProperty("source").GetString());
        Assert.True(consent.GetProperty("given").GetBoolean());
    }

    [Fact]
    public void Withdrawn_consent_is_not_given_again_by_recording()
    {
        Run("record", "--context", "c", "--text", "a").Succeeds();
        Run("store", "consent", "cli", "--withdraw").Succeeds();

        Run("record", "--context", "c", "--text", "b").FailsWith(ExitCode.Refused, "consent");
        Run("import", Lines("""{"timestamp": 1, "context": "c", "text": "t"}""")).FailsWith(ExitCode.Refused, "consent");

        Assert.Equal(1, Run("store", "status", "--json").Json.GetProperty("interactions").GetInt32());
        Run("store", "consent", "cli", "--give").Succeeds();
        Run("record", "--context", "c", "--text", "b").Succeeds();
    }

    [Fact]
    public void Another_source_needs_consent_first()
    {
        var file = Lines("""{"timestamp": 1, "context": "c", "text": "t"}""");
        Run("import", file, "--source", "mail").FailsWith(ExitCode.Refused, "'mail'");
        Run("store", "consent", "mail", "--give").Succeeds();

        Assert.Equal(1, Run("import", file, "--source", "mail", "--json").Succeeds().Json.GetProperty("imported").GetInt32());
    }

    [Fact]
    public void Importing_reports_bad_lines_by_number_and_takes_the_rest()
    {
        var file = Lines(
            """{"id": 1, "timestamp": 1741345891, "context": "c", "text": "one"}""",
            "{broken my-secret-word",
            """{"id": 1, "timestamp": 1741345891, "context": "c", "text": "again"}""",
            """{"id": 3, "timestamp": 1741345891, "context": "c", "text": ""}""",
            """{"id": 4, "timestamp": "2025-03-07T12:00:00Z", "context": "", "text": "🙂 שלום"}""",
            $$"""{"id": 5, "timestamp": 1741345891, "context": "c", "text": "{{new string('x', 1 << 20)}}"}""");

        var run = Run("import", file, "--json").Succeeds();

        Assert.Equal(3, run.Json.GetProperty("imported").GetInt32());
        Assert.Equal([2, 3, 4], run.Json.GetProperty("skipped").EnumerateArray().Select(line => line.GetProperty("line").GetInt32()));
        Assert.All(run.Json.GetProperty("skipped").EnumerateArray(), line => Assert.NotEmpty(line.GetProperty("reason").GetString()!));
        Assert.DoesNotContain("my-secret-word", run.Out + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Strict_importing_is_all_or_nothing()
    {
        var file = Lines("""{"timestamp": 1, "context": "c", "text": "t"}""", "{broken");

        Run("import", file, "--strict").FailsWith(ExitCode.BadFile, "line 2");

        Assert.Equal(0, Run("store", "status", "--json").Json.GetProperty("interactions").GetInt32());
    }

    [Fact]
    public void A_missing_file_creates_no_profile()
    {
        Run("import", _folder["nothing.jsonl"]).FailsWith(ExitCode.BadFile, "nothing.jsonl");

        Assert.False(Directory.Exists(_folder["profile"]));
    }

    [Fact]
    public void Without_a_profile_the_store_says_so()
    {
        foreach (var line in new[] { "status", "verify", "erase --all", "export out.jsonl" })
        {
            Run(["store", .. line.Split(' ')]).FailsWith(ExitCode.BadFile, "no profile");
        }

        Assert.False(Directory.Exists(_folder["profile"]));
    }

    [Fact]
    public void Export_and_import_give_the_same_again_and_only_the_owner_can_read_it()
    {
        Run("record", "--context", "c", "--text", "ñandú\nbreak 🙂").Succeeds();
        var exported = Run("store", "export", _folder["out.jsonl"], "--json").Succeeds().Json;

        Assert.Equal(1, exported.GetProperty("exported").GetInt32());
        Assert.Contains("ñandú", File.ReadAllText(_folder["out.jsonl"]), StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder["out.jsonl"]));
        }

        Assert.Equal(1, CommandRun.Of("import", _folder["out.jsonl"], "--data", _folder["second"], "--json").Succeeds().Json.GetProperty("imported").GetInt32());
    }

    [Fact]
    public void Erasing_counts_what_it_erased()
    {
        Run("record", "--context", "c", "--text", "a").Succeeds();
        Run("record", "--context", "c", "--text", "b").Succeeds();
        Run("record", "--context", "c", "--text", "d").Succeeds();

        Assert.Equal(1, Run("store", "erase", "--id", "2", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
        Assert.Equal(0, Run("store", "erase", "--id", "2", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
        Assert.Equal(2, Run("store", "erase", "--all", "--json").Succeeds().Json.GetProperty("erased").GetInt32());
    }

    [Fact]
    public void Erasing_everything_erases_saved_conversations_and_erasing_one_text_does_not()
    {
        Run("record", "--context", "c", "--text", "a").Succeeds();
        Run("record", "--context", "c", "--text", "b").Succeeds();
        using (var profile = Profile.Open(_folder["profile"]))
        {
            profile.Conversations.Write("one", stream => stream.Write("what was said"u8));
            profile.Conversations.Write("two", stream => stream.Write("what was said"u8));
        }

        Run("store", "erase", "--id", "1").Succeeds();
        Assert.Equal(["one", "two"], Conversations());
        Run("store", "erase", "--all").Succeeds();
        Assert.Empty(Conversations());

        IReadOnlyList<string> Conversations()
        {
            using var profile = Profile.Open(_folder["profile"], new ProfileOptions { OpenForReading = true });
            return profile.Conversations.List();
        }
    }

    [Fact]
    public void Verify_finds_a_whole_store_whole_and_a_changed_one_changed()
    {
        Run("record", "--context", "c", "--text", "a").Succeeds();
        var whole = Run("store", "verify", "--json").Succeeds().Json;
        Assert.Equal(1, whole.GetProperty("records").GetInt32());
        Assert.Equal(0, whole.GetProperty("corrupt").GetArrayLength());

        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(_folder["profile"], "interactions.db")};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE interactions SET timestamp = timestamp + 1";
            Assert.Equal(1, command.ExecuteNonQuery());
        }

        var run = Run("store", "verify", "--json");
        Assert.Equal(ExitCode.KeyOrStore, run.ExitCode);
        Assert.Equal([1], run.Json.GetProperty("corrupt").EnumerateArray().Select(id => id.GetInt32()));
        Run("store", "export", _folder["out.jsonl"]).FailsWith(ExitCode.KeyOrStore);
        Assert.False(File.Exists(_folder["out.jsonl"]));
        Assert.Equal(0, Run("store", "export", _folder["out.jsonl"], "--intact", "--json").Succeeds().Json.GetProperty("exported").GetInt32());
    }

    [Fact]
    public void A_profile_can_be_made_with_a_passphrase_and_opens_with_no_other()
    {
        var right = _folder.Write("right.txt", "correct horse\n");
        var wrong = _folder.Write("wrong.txt", "battery staple\n");
        Run("record", "--context", "c", "--text", "a", "--passphrase-file", right).Succeeds();

        Run("store", "status", "--passphrase-file", right).Succeeds();
        Run("store", "status", "--passphrase-file", wrong).FailsWith(ExitCode.KeyOrStore);
        Run("store", "status").FailsWith(ExitCode.KeyOrStore, "passphrase");
        Run("store", "status", "--passphrase-file", _folder.Write("empty.txt", "\n")).FailsWith(ExitCode.BadFile, "empty.txt");
    }

    [Fact]
    public void A_profile_in_use_can_be_read_but_not_written()
    {
        Run("record", "--context", "c", "--text", "a").Succeeds();
        using var other = Core.Profiles.Profile.Open(_folder["profile"]);

        Run("record", "--context", "c", "--text", "b").FailsWith(ExitCode.Failed, "in use");
        Run("store", "status").Succeeds();
    }

    private CommandRun Run(params string[] args) => CommandRun.Of([.. args, "--data", _folder["profile"]]);

    private string Lines(params string[] lines) => _folder.Write("lines.jsonl", string.Join('\n', lines) + "\n");
}

using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Interactions;

/// <summary>Whole files and rows of an earlier day: each authentic by itself.</summary>
public sealed class RollbackTests : IDisposable
{
    private readonly StoreFixture _fixture = new();
    private readonly TemporaryFolder _folder = new();

    private IInteractionStore Store => _fixture.Store;

    private string Anchor => Path.Combine(_fixture.Directory, "profile.anchor");

    public void Dispose()
    {
        _fixture.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_database_of_yesterday_is_noticed_and_what_it_holds_can_be_exported()
    {
        Store.Append(StoreFixture.Sample("yesterday"));
        Keep(_fixture.Database);
        Store.Append(StoreFixture.Sample("today", 1));
        PutBack(_fixture.Database);

        AssertDamaged(StoreIntegrityError.RolledBack);
        Assert.Equal(["yesterday"], Store.ReadIntact().Select(read => read.Text));
        Assert.Throws<StoreIntegrityException>(() => Store.Consent.IsGiven("app"));

        Assert.Equal(0, Store.Mend());
        Store.Append(StoreFixture.Sample("tomorrow", 2));
        _fixture.Close();
        Assert.True(Store.Verify().IsClean);
        Assert.Equal(["yesterday", "tomorrow"], Store.ReadAll().Select(read => read.Text));
    }

    [Fact]
    public void An_erased_text_does_not_come_back_with_the_database_of_before()
    {
        var id = Store.Append(StoreFixture.Sample("secret"));
        Keep(_fixture.Database);
        Store.Erase(id);
        PutBack(_fixture.Database);
        AssertDamaged(StoreIntegrityError.RolledBack);
    }

    [Fact]
    public void A_withdrawal_does_not_vanish_with_the_database_of_before()
    {
        Keep(_fixture.Database);
        Store.Consent.Withdraw("app");
        PutBack(_fixture.Database);
        AssertDamaged(StoreIntegrityError.RolledBack);
    }

    [Fact]
    public void A_journal_that_was_cut_off_while_the_process_was_killed_is_noticed()
    {
        Store.Append(StoreFixture.Sample("first"));
        _fixture.Close();
        Store.Append(StoreFixture.Sample("second"));

        // What a kill leaves: the database of before, the journal, the anchor.
        var copy = Path.Combine(_folder.Path, "killed");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(_fixture.Directory).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal) && !file.EndsWith("-shm", StringComparison.Ordinal)))
        {
            using var from = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var to = new FileStream(Path.Combine(copy, Path.GetFileName(file)), FileMode.CreateNew);
            from.CopyTo(to);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path.Combine(copy, "profile.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        using (var whole = Profile.Open(copy, new ProfileOptions { OpenForReading = true }))
        {
            Assert.Equal(2, whole.Interactions.ReadAll().Count());
        }

        File.Delete(Path.Combine(copy, "interactions.db-wal"));
        using var cut = Profile.Open(copy);
        Assert.Equal(StoreIntegrityError.RolledBack, cut.Interactions.Verify().Damage);
    }

    [Fact]
    public void A_fork_of_the_same_length_is_noticed()
    {
        Store.Append(StoreFixture.Sample("common"));
        Keep(_fixture.Database);
        Keep(Anchor);
        Store.Append(StoreFixture.Sample("one end", 1));
        _fixture.Close();
        var oneEnd = File.ReadAllBytes(_fixture.Database);
        PutBack(_fixture.Database);
        PutBack(Anchor);
        Store.Append(StoreFixture.Sample("the other end", 1));
        _fixture.Close();
        File.WriteAllBytes(_fixture.Database, oneEnd);
        AssertDamaged(StoreIntegrityError.RolledBack);
    }

    [Fact]
    public void Keys_of_before_a_change_are_noticed()
    {
        var description = Path.Combine(_fixture.Directory, "profile.json");
        var key = Path.Combine(_fixture.Directory, "profile.key");
        Store.Append(StoreFixture.Sample("a"));
        _fixture.Close();
        foreach (var file in new[] { description, key, _fixture.Database })
        {
            Keep(file);
        }

        using (var profile = Profile.Open(_fixture.Directory))
        {
            profile.RotateKey();
        }

        foreach (var file in new[] { description, key, _fixture.Database })
        {
            PutBack(file);
        }

        AssertDamaged(StoreIntegrityError.AnchorMissing);
    }

    [Fact]
    public void An_anchor_that_is_gone_or_forged_is_noticed()
    {
        Store.Append(StoreFixture.Sample("a"));
        _fixture.Close();
        File.Delete(Anchor);
        AssertDamaged(StoreIntegrityError.AnchorMissing);
        _fixture.Close();
        File.WriteAllBytes(Anchor, new byte[256]);
        AssertDamaged(StoreIntegrityError.AnchorMissing);
    }

    [Fact]
    public void A_torn_slot_of_the_anchor_does_no_harm()
    {
        Store.Append(StoreFixture.Sample("a"));
        Store.Append(StoreFixture.Sample("b", 1));
        _fixture.Close();
        var whole = File.ReadAllBytes(Anchor);
        for (var slot = 0; slot < 2; slot++)
        {
            var torn = (byte[])whole.Clone();
            torn[(slot * 128) + 50] ^= 1;
            File.WriteAllBytes(Anchor, torn);
            Assert.True(Store.Verify().IsClean);
            _fixture.Close();
            File.WriteAllBytes(Anchor, whole);
        }
    }

    [Fact]
    public void An_older_anchor_is_a_power_cut_and_no_damage()
    {
        Store.Append(StoreFixture.Sample("a"));
        Keep(Anchor);
        Store.Append(StoreFixture.Sample("b", 1));
        PutBack(Anchor);
        Assert.True(Store.Verify().IsClean);
        Store.Append(StoreFixture.Sample("c", 2));
    }

    [Fact]
    public void A_row_taken_away_is_noticed()
    {
        Store.AppendMany([StoreFixture.Sample("a", 1), StoreFixture.Sample("b", 2), StoreFixture.Sample("c", 3)]);
        _fixture.Tamper("DELETE FROM interactions WHERE id = 2");
        Assert.Equal(StoreIntegrityError.RowsMissing, Assert.Throws<StoreIntegrityException>(() => Store.ReadAll().ToList()).Error);
        var found = Store.Verify();
        Assert.Equal((false, 1L, 0), (found.IsComplete, found.Missing, found.Corrupt.Count));
        Assert.Equal(["a", "c"], Store.ReadIntact().Select(read => read.Text));
        Assert.Equal(1, Store.Mend());
        Assert.True(Store.Verify().IsClean);
        Assert.Equal(1, Store.GetStatus().Lost);
    }

    [Fact]
    public void A_row_put_back_is_named()
    {
        Store.AppendMany([StoreFixture.Sample("a", 1), StoreFixture.Sample("b", 2)]);
        Keep(_fixture.Database);
        Store.Erase(1);
        _fixture.Tamper($"ATTACH '{_folder["interactions.db"]}' AS before; INSERT INTO interactions SELECT * FROM before.interactions WHERE id = 1");
        var found = Store.Verify();
        Assert.Equal((false, 1L, 0), (found.IsComplete, found.Added, found.Corrupt.Count));
        Assert.Equal(StoreIntegrityError.RowsMissing, Assert.Throws<StoreIntegrityException>(() => Store.ReadAll().ToList()).Error);
    }

    [Fact]
    public void An_exchange_of_one_row_for_an_erased_one_is_noticed()
    {
        Store.AppendMany([StoreFixture.Sample("a", 1), StoreFixture.Sample("b", 2)]);
        Keep(_fixture.Database);
        Store.Erase(1);
        _fixture.Tamper($"ATTACH '{_folder["interactions.db"]}' AS before; INSERT INTO interactions SELECT * FROM before.interactions WHERE id = 1; DELETE FROM interactions WHERE id = 2");
        Assert.False(Store.Verify().IsClean);
        Assert.Throws<StoreIntegrityException>(() => Store.ReadAll().ToList());
    }

    [Theory]
    [InlineData("DELETE FROM store WHERE id = 2")]
    [InlineData("UPDATE store SET sealed = zeroblob(176) WHERE id = 2")]
    [InlineData("UPDATE store SET sealed = (SELECT s.sealed FROM store s WHERE s.id = 1) WHERE id = 2")]
    public void A_head_that_was_changed_is_noticed(string sql)
    {
        Store.Append(StoreFixture.Sample("a"));
        _fixture.Tamper(sql);
        AssertDamaged(StoreIntegrityError.NotAuthentic);
        Assert.Equal(0, Store.Mend());
        Assert.Equal(["a"], Store.ReadAll().Select(read => read.Text));
        Assert.True(Store.Verify().IsClean);
    }

    [Fact]
    public void An_anchor_elsewhere_notices_that_the_whole_folder_was_put_back()
    {
        var options = new ProfileOptions { KeyFile = _folder["elsewhere.key"] };
        var path = _folder["profile"];
        using (var profile = Profile.Open(path, options))
        {
            profile.Interactions.Consent.Give("app");
            profile.Interactions.Append(StoreFixture.Sample("a"));
        }

        Assert.True(File.Exists(_folder["elsewhere.key.anchor"]));
        Assert.False(File.Exists(Path.Combine(path, "profile.anchor")));
        var kept = Directory.GetFiles(path).ToDictionary(file => file, File.ReadAllBytes);
        using (var profile = Profile.Open(path, options))
        {
            profile.Interactions.Append(StoreFixture.Sample("b"));
        }

        foreach (var (file, bytes) in kept)
        {
            File.WriteAllBytes(file, bytes);
        }

        using var again = Profile.Open(path, options);
        Assert.Equal(StoreIntegrityError.RolledBack, again.Interactions.Verify().Damage);
    }

    private void AssertDamaged(StoreIntegrityError error)
    {
        var found = Store.Verify();
        Assert.Equal(error, found.Damage);
        Assert.False(found.IsClean);
        Assert.Equal(error, Store.GetStatus().Damage);
        Assert.Equal(error, Assert.Throws<StoreIntegrityException>(() => Store.Append(StoreFixture.Sample("new"))).Error);
        Assert.Equal(error, Assert.Throws<StoreIntegrityException>(() => Store.ReadAll().ToList()).Error);
    }

    private void Keep(string file)
    {
        _fixture.Close();
        File.Copy(file, _folder[Path.GetFileName(file)], overwrite: true);
    }

    private void PutBack(string file)
    {
        _fixture.Close();
        File.Copy(_folder[Path.GetFileName(file)], file, overwrite: true);
    }
}

using Personalize.Core.Errors;
using Personalize.Core.Profiles;

namespace Personalize.Core.Tests.Profiles;

public sealed class MigrationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("version-1-key-file", null)]
    [InlineData("version-1-passphrase", OldProfile.Passphrase)]
    public void A_profile_of_version_1_is_brought_forward_with_all_that_it_holds(string name, string? passphrase)
    {
        var path = OldProfile.Copy(name, _folder["profile"]);
        IReadOnlyList<string> before;
        string key;
        using (var reader = Open(path, passphrase, forReading: true))
        {
            before = ProfileContent.Of(reader);
            key = reader.KeyId;
        }

        Assert.Equal(9, before.Count);
        Assert.Contains(before, line => line.Contains("ñandú 🙂 שלום", StringComparison.Ordinal));
        Assert.False(File.Exists(_folder["profile/profile.anchor"]));

        using (var writer = Open(path, passphrase))
        {
            Assert.Equal(before, ProfileContent.Of(writer));
            Assert.Equal(key, writer.KeyId);
            Assert.True(writer.Interactions.Verify().IsClean);
            Assert.Throws<InvalidInteractionException>(() => writer.Interactions.Append(new(0, "1", DateTimeOffset.UnixEpoch, "cli", "", "again")));

            // 3 was erased before: its id is not given again.
            Assert.Equal(5, writer.Interactions.Append(new(0, "9", DateTimeOffset.UnixEpoch, "cli", "", "new")));
        }

        Assert.True(File.Exists(_folder["profile/profile.anchor"]));
        using var again = Open(path, passphrase);
        Assert.Equal(before.Count + 1, ProfileContent.Of(again).Count);
        Assert.True(again.Interactions.Verify().IsClean);
        again.RotateKey();
        Assert.NotEqual(key, again.KeyId);
        Assert.Equal(before.Count + 1, ProfileContent.Of(again).Count);
        Assert.True(again.Interactions.Verify().IsClean);
    }

    [Fact]
    public void A_store_of_the_second_schema_is_brought_forward_with_all_that_it_holds()
    {
        var path = OldProfile.Copy("schema-2-key-file", _folder["profile"]);
        IReadOnlyList<string> before;
        using (var reader = Open(path, passphrase: null, forReading: true))
        {
            before = ProfileContent.Of(reader);
            Assert.True(reader.Interactions.Verify().IsClean);
            Assert.Equal(OldProfile.RowsOf("schema-2-key-file"), reader.Interactions.ReadAll().Select(read => read.Id).Order());
        }

        using (var writer = Open(path, passphrase: null))
        {
            Assert.Equal(before, ProfileContent.Of(writer));
            Assert.True(writer.Interactions.Verify().IsClean);
            AssertKnown(writer);
            Assert.Equal(8, writer.Interactions.Append(new(0, "9", DateTimeOffset.UnixEpoch, "cli", "", "new")));
        }

        using var again = Open(path, passphrase: null);
        AssertKnown(again);
        again.RotateKey();
        AssertKnown(again);
        Assert.Equal(before.Count + 1, ProfileContent.Of(again).Count);
        Assert.True(again.Interactions.Verify().IsClean);
    }

    [Theory]
    [InlineData("version-1-key-file")]
    [InlineData("schema-2-key-file")]
    public void A_store_whose_key_was_being_changed_is_brought_forward_under_the_key_it_has(string name)
    {
        var path = OldProfile.Copy(name, _folder["profile"]);
        IReadOnlyList<string> before;
        using (var reader = Open(path, passphrase: null, forReading: true))
        {
            before = ProfileContent.Of(reader);
        }

        // What a change of the key leaves that was killed after its first step.
        using (var vault = ProfileVault.Open(path, new ProfileOptions(), writer: true))
        {
            vault.AddEpoch();
        }

        using (var profile = Open(path, passphrase: null))
        {
            Assert.True(profile.Interactions.Verify().IsClean);
            Assert.Equal(before, ProfileContent.Of(profile));
            AssertKnown(profile);
        }

        using var again = Open(path, passphrase: null);
        Assert.True(again.Interactions.GetStatus().IsKeyChangePending);
        AssertKnown(again);
        again.RotateKey();
        Assert.True(again.Interactions.Verify().IsClean);
        Assert.Equal(before, ProfileContent.Of(again));
        AssertKnown(again);
    }

    [Fact]
    public void A_store_of_the_second_schema_that_lacks_a_row_is_not_made_whole()
    {
        var path = OldProfile.Copy("schema-2-key-file", _folder["profile"]);
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder["profile/interactions.db"]};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "DELETE FROM interactions WHERE id = 5";
            Assert.Equal(1, command.ExecuteNonQuery());
        }

        using (var profile = Open(path, passphrase: null))
        {
            Assert.Equal(1, profile.Interactions.Verify().Missing);
            Assert.Throws<StoreIntegrityException>(() => profile.Interactions.ReadAll().ToList());
        }

        using var again = Open(path, passphrase: null);
        Assert.Equal(1, again.Interactions.Verify().Missing);
        Assert.Equal(1, again.Interactions.Mend());
        Assert.True(again.Interactions.Verify().IsClean);
    }

    [Fact]
    public void A_store_of_the_second_schema_that_was_put_back_before_it_was_brought_forward_is_mended()
    {
        var path = OldProfile.Copy("schema-2-key-file", _folder["profile"]);
        File.Delete(_folder["profile/profile.anchor"]);
        using (var profile = Open(path, passphrase: null))
        {
            Assert.Equal(StoreIntegrityError.AnchorMissing, profile.Interactions.Verify().Damage);
            Assert.Equal(5, profile.Interactions.ReadIntact().Count());
            Assert.Equal(0, profile.Interactions.Mend());
            AssertKnown(profile);
        }

        using var again = Open(path, passphrase: null);
        Assert.True(again.Interactions.Verify().IsClean);
        AssertKnown(again);
    }

    [Fact]
    public void A_migration_that_is_killed_between_its_steps_goes_on()
    {
        var path = OldProfile.Copy("version-1-key-file", _folder["profile"]);

        // The description is brought forward when the profile opens, the database when it is first asked for.
        Open(path, passphrase: null).Dispose();
        Assert.False(File.Exists(_folder["profile/profile.anchor"]));
        using var profile = Open(path, passphrase: null);
        Assert.Equal(9, ProfileContent.Of(profile).Count);
    }

    [Theory]
    [InlineData("version-1-key-file")]
    [InlineData("schema-2-key-file")]
    public void The_old_database_put_back_after_the_migration_is_noticed(string name)
    {
        var path = OldProfile.Copy(name, _folder["profile"]);
        var rows = OldProfile.RowsOf(name).Length;
        using (var profile = Open(path, passphrase: null))
        {
            Assert.Equal(rows, profile.Interactions.Count);
        }

        File.Copy(SharedFiles.Fixture($"profiles/{name}/interactions.db"), _folder["profile/interactions.db"], overwrite: true);
        using var again = Open(path, passphrase: null);
        Assert.Equal(StoreIntegrityError.RolledBack, again.Interactions.Verify().Damage);
        Assert.Equal(StoreIntegrityError.RolledBack, Assert.Throws<StoreIntegrityException>(() => again.Interactions.ReadAll().ToList()).Error);
        Assert.Equal(rows, again.Interactions.ReadIntact().Count());
    }

    [Fact]
    public void A_damaged_ledger_of_version_1_is_not_made_whole()
    {
        var path = OldProfile.Copy("version-1-key-file", _folder["profile"]);
        using (var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder["profile/interactions.db"]};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "DELETE FROM consent WHERE id = 3";
            Assert.Equal(1, command.ExecuteNonQuery());
        }

        using (var profile = Open(path, passphrase: null))
        {
            Assert.Throws<StoreIntegrityException>(() => profile.Interactions.Consent.History);
            Assert.False(profile.Interactions.Verify().IsClean);
            Assert.Equal(3, profile.Interactions.ReadIntact().Count());
            profile.Interactions.Mend();
            Assert.Empty(profile.Interactions.Consent.History);
            Assert.Equal(3, profile.Interactions.ReadAll().Count());
        }

        using var again = Open(path, passphrase: null);
        Assert.True(again.Interactions.Verify().IsClean);
        Assert.Throws<ConsentRequiredException>(() => again.Interactions.Append(new(0, null, DateTimeOffset.UnixEpoch, "mail", "", "new")));
    }

    // Of one source that still has consent.
    private static void AssertKnown(Profile profile)
        => Assert.All(profile.Interactions.AppendMany(profile.Interactions.ReadAll().Where(read => read.Source == "cli" && read.ExternalId is not null).ToList()), id => Assert.Null(id));

    private static Profile Open(string path, string? passphrase, bool forReading = false) => Profile.Open(path, new ProfileOptions { Passphrase = passphrase, OpenForReading = forReading });
}

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
    public void A_migration_that_is_killed_between_its_steps_goes_on()
    {
        var path = OldProfile.Copy("version-1-key-file", _folder["profile"]);

        // The description is brought forward when the profile opens, the database when it is first asked for.
        Open(path, passphrase: null).Dispose();
        Assert.False(File.Exists(_folder["profile/profile.anchor"]));
        using var profile = Open(path, passphrase: null);
        Assert.Equal(9, ProfileContent.Of(profile).Count);
    }

    [Fact]
    public void The_old_database_put_back_after_the_migration_is_noticed()
    {
        var path = OldProfile.Copy("version-1-key-file", _folder["profile"]);
        using (var profile = Open(path, passphrase: null))
        {
            Assert.Equal(3, profile.Interactions.Count);
        }

        File.Copy(SharedFiles.Fixture("profiles/version-1-key-file/interactions.db"), _folder["profile/interactions.db"], overwrite: true);
        using var again = Open(path, passphrase: null);
        Assert.Equal(StoreIntegrityError.RolledBack, again.Interactions.Verify().Damage);
        Assert.Equal(StoreIntegrityError.RolledBack, Assert.Throws<StoreIntegrityException>(() => again.Interactions.ReadAll().ToList()).Error);
        Assert.Equal(3, again.Interactions.ReadIntact().Count());
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

    private static Profile Open(string path, string? passphrase, bool forReading = false) => Profile.Open(path, new ProfileOptions { Passphrase = passphrase, OpenForReading = forReading });
}

using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Interactions;

public sealed class StoreDatabaseTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ProfileKey _key = ProfileKey.CreateRandom();
    private readonly SealedBox _box;

    public StoreDatabaseTests()
    {
        _box = _key.CreateBox(KeyPurpose.Records, Guid.Empty, _folder.Path);
        StoreDatabase.Create(_folder["db"], _box);
    }

    public void Dispose()
    {
        _box.Dispose();
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_settings_that_privacy_needs_are_in_force()
    {
        using var connection = StoreDatabase.Open(_folder["db"], _box, writer: true);
        Assert.Equal("wal", StoreDatabase.Scalar(connection, "PRAGMA journal_mode"));
        Assert.Equal(2L, StoreDatabase.Scalar(connection, "PRAGMA synchronous"));
        Assert.Equal(1L, StoreDatabase.Scalar(connection, "PRAGMA secure_delete"));
        Assert.Equal(2L, StoreDatabase.Scalar(connection, "PRAGMA temp_store"));
        Assert.Equal(0L, StoreDatabase.Scalar(connection, "PRAGMA trusted_schema"));
    }

    [Fact]
    public void A_reader_cannot_write()
    {
        using var connection = StoreDatabase.Open(_folder["db"], _box, writer: false);
        Assert.Throws<SqliteException>(() => StoreDatabase.Execute(connection, "DELETE FROM store"));
    }

    [Fact]
    public void Creating_leaves_one_file_and_no_journal()
        => Assert.Equal(["db"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));

    [Theory]
    [InlineData(13, ProfileAccessError.DiskFull)]
    [InlineData(10, ProfileAccessError.DeviceFailed)]
    [InlineData(8, ProfileAccessError.NotWritable)]
    [InlineData(14, ProfileAccessError.NotWritable)]
    public void What_the_file_system_refused_is_told_apart(int code, ProfileAccessError error)
        => Assert.Equal(error, Assert.IsType<ProfileAccessException>(SqliteFaults.Translate("db", new SqliteException("", code))).Error);

    [Theory]
    [InlineData(11, StoreIntegrityError.DatabaseDamaged)]
    [InlineData(26, StoreIntegrityError.NotADatabase)]
    [InlineData(1, StoreIntegrityError.DatabaseDamaged)]
    public void Damage_is_told_apart(int code, StoreIntegrityError error)
        => Assert.Equal(error, Assert.IsType<StoreIntegrityException>(SqliteFaults.Translate("db", new SqliteException("", code))).Error);

    [Fact]
    public void A_database_in_use_is_a_locked_profile()
    {
        using var first = StoreDatabase.Open(_folder["db"], _box, writer: true);
        StoreDatabase.Execute(first, "BEGIN IMMEDIATE");
        using var second = StoreDatabase.Open(_folder["db"], _box, writer: true);
        second.DefaultTimeout = 1;
        var thrown = Assert.Throws<SqliteException>(() => StoreDatabase.Execute(second, "BEGIN IMMEDIATE"));
        Assert.IsType<ProfileLockedException>(SqliteFaults.Translate("db", thrown));
    }
}

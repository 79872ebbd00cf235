using System.Text;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;

namespace Personalize.Core.Tests.Interactions;

public sealed class TamperingTests : IDisposable
{
    private readonly StoreFixture _fixture = new();

    private IInteractionStore Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Theory]
    [InlineData("UPDATE interactions SET sealed = CAST(sealed || x'00' AS BLOB) WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET sealed = substr(sealed, 1, 20) WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET sealed = x'' WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET timestamp = timestamp + 1 WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET duplicate_key = zeroblob(32) WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET duplicate_key = NULL WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET sealed = (SELECT i.sealed FROM interactions i WHERE i.id = 1) WHERE id = 2", 2)]
    [InlineData("UPDATE interactions SET id = 9 WHERE id = 2", 9)]
    public void A_changed_row_is_named_and_the_rest_can_be_exported(string sql, long row)
    {
        Store.AppendMany([StoreFixture.Sample("a", 1, "1"), StoreFixture.Sample("b", 2, "2"), StoreFixture.Sample("c", 3, "3")]);
        _fixture.Tamper(sql);
        var thrown = Assert.Throws<StoreIntegrityException>(() => Store.ReadAll().ToList());
        Assert.Equal((StoreIntegrityError.NotAuthentic, "interactions", $"{row}"), (thrown.Error, thrown.Table, thrown.Row));
        Assert.Throws<StoreIntegrityException>(() => Store.Get(row));
        Assert.Equal(["a", "c"], Store.ReadIntact().Select(read => read.Text));
        var verification = Store.Verify();
        Assert.Equal((3, row, true), (verification.Records, Assert.Single(verification.Corrupt), verification.StructureIntact));
        Assert.False(verification.IsClean);
    }

    [Fact]
    public void Two_exchanged_rows_are_both_named()
    {
        Store.AppendMany([StoreFixture.Sample("a", 1), StoreFixture.Sample("b", 2)]);
        _fixture.Tamper("CREATE TEMP TABLE t AS SELECT id, sealed FROM interactions; UPDATE interactions SET sealed = (SELECT sealed FROM t WHERE t.id = 3 - interactions.id)");
        Assert.Equal([1, 2], Store.Verify().Corrupt);
    }

    [Fact]
    public void No_word_of_what_was_recorded_stands_in_the_files()
    {
        string[] words = ["Mondscheinsonate", "Kapellmeister", "korrespondenz", "geheimnisträger", "externalidentifier"];
        Store.Consent.Give(words[2]);
        var id = Store.Append(StoreFixture.Sample($"{words[0]} und {words[3]}", id: words[4], source: words[2], context: words[1]));
        Store.Append(StoreFixture.Sample($"{words[0]} II", source: words[2]));
        AssertNowhere(words, mustHaveJournal: true);
        Store.Erase(id);
        AssertNowhere(words, mustHaveJournal: true);
        Store.Consent.Withdraw(words[2]);
        _fixture.Close();
        AssertNowhere(words, mustHaveJournal: false);
    }

    [Fact]
    public void Erasing_leaves_not_even_the_sealed_bytes()
    {
        var id = Store.Append(StoreFixture.Sample(new string('x', 10_000)));
        _fixture.Close();
        var sealedBytes = SealedBytesOf(id);
        Assert.NotEqual(-1, File.ReadAllBytes(_fixture.Database).AsSpan().IndexOf(sealedBytes.AsSpan(64, 64)));
        Assert.True(Store.Erase(id));
        foreach (var file in Directory.GetFiles(_fixture.Directory))
        {
            Assert.Equal(-1, ReadShared(file).AsSpan().IndexOf(sealedBytes.AsSpan(64, 64)));
        }
    }

    [Fact]
    public void Files_that_are_no_database_of_ours_are_refused()
    {
        Store.Append(StoreFixture.Sample("a"));
        _fixture.Close();
        var whole = File.ReadAllBytes(_fixture.Database);

        AssertRefused([.. Enumerable.Repeat((byte)'x', 8192)], StoreIntegrityError.NotADatabase);
        AssertRefused([], StoreIntegrityError.FileMissing);
        AssertRefused(whole[..50], StoreIntegrityError.Truncated);
        AssertRefused(whole[..4096], StoreIntegrityError.DatabaseDamaged);

        File.WriteAllBytes(_fixture.Database, whole);
        Assert.Single(Store.ReadAll());
        _fixture.Close();
        File.Delete(_fixture.Database);
        Assert.Equal(StoreIntegrityError.FileMissing, Assert.Throws<StoreIntegrityException>(() => _fixture.Store).Error);
    }

    [Theory]
    [InlineData("PRAGMA application_id = 7")]
    [InlineData("PRAGMA user_version = 0")]
    [InlineData("CREATE TRIGGER t AFTER INSERT ON interactions BEGIN DELETE FROM interactions; END")]
    [InlineData("DROP INDEX interactions_by_time")]
    [InlineData("DROP TABLE duplicates")]
    [InlineData("DROP TABLE duplicates; CREATE UNIQUE INDEX interactions_by_duplicate_key ON interactions (duplicate_key) WHERE duplicate_key IS NOT NULL; PRAGMA user_version = 2")]
    [InlineData("DELETE FROM store")]
    [InlineData("UPDATE store SET sealed = zeroblob(45)")]
    public void A_database_with_another_shape_or_owner_is_refused(string sql)
    {
        _fixture.Tamper(sql);
        Assert.Equal(StoreIntegrityError.ForeignDatabase, Assert.Throws<StoreIntegrityException>(() => _fixture.Store).Error);
    }

    [Fact]
    public void Another_profiles_database_is_refused()
    {
        using var other = new StoreFixture();
        other.Close();
        _fixture.Close();
        File.Copy(other.Database, _fixture.Database, overwrite: true);
        Assert.Equal(StoreIntegrityError.ForeignDatabase, Assert.Throws<StoreIntegrityException>(() => _fixture.Store).Error);
    }

    [Fact]
    public void A_newer_schema_is_refused()
    {
        _fixture.Tamper("PRAGMA user_version = 4");
        Assert.Equal(4, Assert.Throws<ProfileVersionException>(() => _fixture.Store).Found);
    }

    [Fact]
    public void Every_flipped_byte_is_noticed_or_harmless()
    {
        const int Flips = 400;
        Store.AppendMany(Enumerable.Range(0, 20).Select(i => StoreFixture.Sample($"text {i}", i, $"{i}")));
        var expected = Store.ReadAll().ToList();
        _fixture.Close();
        var whole = File.ReadAllBytes(_fixture.Database);
        var random = new Random(17);
        for (var flip = 0; flip < Flips; flip++)
        {
            var bytes = (byte[])whole.Clone();
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(_fixture.Database, bytes);
            try
            {
                var clean = Store.Verify().IsClean;
                var read = Store.ReadIntact().ToList();
                Assert.True(!clean || read.SequenceEqual(expected), $"flip {flip} changed what is read and was not noticed");
                Assert.Subset(expected.ToHashSet(), read.ToHashSet());
            }
            catch (PersonalizeException)
            {
                // Noticed.
            }
            finally
            {
                _fixture.Close();
            }
        }
    }

    private void AssertRefused(byte[] content, StoreIntegrityError error)
    {
        File.WriteAllBytes(_fixture.Database, content);
        var thrown = Assert.Throws<StoreIntegrityException>(() => _fixture.Store.ReadAll().ToList());
        Assert.Equal(error, thrown.Error);
        Assert.Equal(_fixture.Database, thrown.Path);
        _fixture.Close();
    }

    private byte[] SealedBytesOf(long id)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_fixture.Database};Pooling=False;Mode=ReadOnly");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT sealed FROM interactions WHERE id = " + id;
        return (byte[])command.ExecuteScalar()!;
    }

    private void AssertNowhere(string[] words, bool mustHaveJournal)
    {
        var files = Directory.GetFiles(_fixture.Directory);
        Assert.Equal(mustHaveJournal, files.Any(file => file.EndsWith("-wal", StringComparison.Ordinal)));
        foreach (var file in files.Where(file => !file.EndsWith("profile.lock", StringComparison.Ordinal)))
        {
            var bytes = ReadShared(file);
            foreach (var word in words)
            {
                foreach (var encoding in new[] { Encoding.UTF8, Encoding.Unicode, Encoding.BigEndianUnicode })
                {
                    Assert.Equal(-1, bytes.AsSpan().IndexOf(encoding.GetBytes(word)));
                }
            }
        }
    }

    private static byte[] ReadShared(string file)
    {
        if (file.EndsWith("profile.lock", StringComparison.Ordinal))
        {
            return [];
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}

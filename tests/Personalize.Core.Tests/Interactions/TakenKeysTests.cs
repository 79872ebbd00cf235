using FsCheck;
using FsCheck.Fluent;
using Personalize.Core.Errors;
using Personalize.Core.Interactions;
using Personalize.Core.Security;

namespace Personalize.Core.Tests.Interactions;

/// <summary>Duplicates, wherever their keys stand: with the latest rows alone, or in the table.</summary>
public sealed class TakenKeysTests : IDisposable
{
    private const int Fewest = 3;
    private const string KeyOfRow1 = "(SELECT duplicate_key FROM interactions WHERE id = 1)";

    private readonly StoreFixture _fixture = new(Fewest);

    private IInteractionStore Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Keys_wait_until_there_are_enough_of_them_and_are_then_entered_at_once()
    {
        Append("a", "b");
        Assert.Equal(0, Entered());
        Append("c");
        Assert.Equal(3, Entered());

        // Rows without a key count too: they are read with the others when the store is opened.
        Append(null, "d");
        Assert.Equal(3, Entered());
        _fixture.Close();
        Append((string?)null);
        Assert.Equal(4, Entered());

        // Within one batch as between two.
        Append("e", "f", "g", "h");
        Assert.Equal(7, Entered());
        Assert.True(Store.Verify().IsClean);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_duplicate_is_found_among_those_that_wait_and_in_the_table_also_after_reopening(bool reopen)
    {
        Append("a", "b", "c");
        Append("d");
        foreach (var id in new[] { "a", "c", "d" })
        {
            if (reopen)
            {
                _fixture.Close();
            }

            Assert.Equal([null], Append(id));
        }

        // Those of one batch too, on whichever side of the entering.
        Assert.Equal([6, null, 7, null, null], Append("f", "f", "g", "a", "d").Select(id => id + 1));
        Assert.Equal([null, null], Append("f", "g"));
    }

    [Fact]
    public void What_was_not_committed_is_not_taken()
    {
        Append("a");
        Assert.Throws<ConsentRequiredException>(() => Store.AppendMany([Sample("b"), Sample("c"), Sample("d"), Sample("e") with { Source = "unheard of" }]));
        Assert.Throws<InvalidDataException>(() => Store.AppendMany(Failing()));
        Assert.Equal([null, 2, 3, 4], Append("a", "b", "c", "d"));
        Assert.True(Store.Verify().IsClean);

        static IEnumerable<Interaction> Failing()
        {
            yield return Sample("b");
            throw new InvalidDataException();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void What_was_erased_can_be_stored_again_and_its_key_stands_nowhere(long row)
    {
        Append("a", "b", "c");
        Append("d");
        _fixture.Close();
        var key = (byte[])Query($"SELECT duplicate_key FROM interactions WHERE id = {row}")!;
        Assert.True(IsSomewhere(key));
        Assert.True(Store.Erase(row));
        Assert.False(IsSomewhere(key));
        Assert.Equal(row == 1 ? 2 : 3, Entered());
        Assert.Equal([5L], Append(row == 1 ? "a" : "d"));
        Assert.True(Store.Verify().IsClean);
    }

    [Fact]
    public void Another_key_of_the_profile_makes_others_of_all_of_them()
    {
        Append("a", "b", "c");
        Append("d");
        _fixture.Close();
        var before = (byte[])Query("SELECT duplicate_key FROM interactions WHERE id = 1")!;
        _fixture.Profile.RotateKey();
        Assert.Equal(4, Entered());
        Assert.False(IsSomewhere(before));
        Assert.Equal([null, null, 5L], Append("a", "d", "e"));
        Assert.True(Store.Verify().IsClean);
        Store.EraseAll();
        Assert.Equal(0, Entered());
        Assert.Equal([6L], Append("a"));
    }

    [Theory]
    [InlineData("DELETE FROM duplicates WHERE key = " + KeyOfRow1)]
    [InlineData("DELETE FROM duplicates")]
    [InlineData("INSERT INTO duplicates VALUES (zeroblob(16))")]
    [InlineData("INSERT INTO duplicates VALUES (x'')")]
    [InlineData("INSERT INTO duplicates SELECT duplicate_key FROM interactions WHERE id = 4")]
    [InlineData("UPDATE duplicates SET key = zeroblob(16) WHERE key = " + KeyOfRow1)]
    public void A_table_that_was_changed_is_noticed_and_can_be_mended(string sql)
    {
        Append("a", "b", "c");
        Append("d");
        _fixture.Tamper(sql);
        var found = Store.Verify();
        Assert.Equal((false, false, true, 4L), (found.IsClean, found.StructureIntact, found.IsComplete, found.Records));
        Assert.Equal(4, Store.ReadAll().Count());
        Assert.Equal(0, Store.Mend());
        Assert.True(Store.Verify().IsClean);
        Assert.Equal(4, Entered());
        Assert.Equal([null, null, 5L], Append("a", "d", "e"));
    }

    [Theory]
    [InlineData("zeroblob(3)")]
    [InlineData("zeroblob(17)")]
    [InlineData("x''")]
    [InlineData("NULL")]
    public void A_key_that_was_changed_in_its_row_does_not_stop_the_store(string key)
    {
        Append("a");
        _fixture.Tamper($"UPDATE interactions SET duplicate_key = {key} WHERE id = 1");
        Append("b", "c", "d", "e");
        Assert.Equal([1L], Store.Verify().Corrupt);
        Assert.Equal(1, Store.Mend());
        Assert.True(Store.Verify().IsClean);
        Assert.Equal(4, Store.Count);
    }

    [Fact]
    public void Mending_keeps_one_row_of_a_key_where_an_erased_one_was_put_back_beside_its_successor()
    {
        Append("a", "b");
        _fixture.Close();
        var copy = Path.Combine(_fixture.Directory, "copy");
        File.Copy(_fixture.Database, copy);
        Store.Erase(1);
        Append("a");
        _fixture.Tamper($"ATTACH '{copy}' AS before; INSERT INTO interactions SELECT * FROM before.interactions WHERE id = 1");
        Assert.False(Store.Verify().IsClean);
        Store.Mend();
        Assert.True(Store.Verify().IsClean);
        Assert.Equal([2L, 3L], Store.ReadAll().Select(read => read.Id).Order());
        Assert.Equal([null], Append("a"));
    }

    [Fact]
    public void The_larger_the_store_the_more_keys_wait()
    {
        using var key = ProfileKey.CreateRandom();
        using var box = key.CreateBox(KeyPurpose.Records, Guid.Empty, _fixture.Directory);
        var path = Path.Combine(_fixture.Directory, "keys");
        StoreDatabase.Create(path, box);
        using var connection = StoreDatabase.Open(path, box, writer: true);
        using var taken = new TakenKeys(connection, fewest: 2);
        for (byte i = 0; i < 6; i++)
        {
            // 100 rows, of which a sixteenth are six.
            Assert.False(taken.TrySettle(rows: 100, settled: 94, last: 94 + i));
            Assert.True(taken.TryTake([.. Enumerable.Repeat((byte)(200 - i), DuplicateIndex.Size)], settled: 94));
        }

        Assert.True(taken.TrySettle(rows: 100, settled: 94, last: 100));
        Assert.Equal(6L, StoreDatabase.Scalar(connection, "SELECT count(*) FROM duplicates"));
        Assert.Equal(200L, ((byte[])StoreDatabase.Scalar(connection, "SELECT max(key) FROM duplicates")!)[0]);
        Assert.False(taken.TrySettle(rows: 1_000_000, settled: 100, last: 100 + 32_767));
        Assert.True(taken.TrySettle(rows: 1_000_000, settled: 100, last: 100 + 32_768));
        Assert.False(taken.TrySettle(rows: 1, settled: 1, last: 2));
    }

    [Fact]
    public void Whatever_happens_in_between_exactly_the_duplicates_are_passed_over()
    {
        Prop.ForAll<int[]>(steps =>
        {
            using var fixture = new StoreFixture(Fewest);
            var stored = new Dictionary<string, long>(StringComparer.Ordinal);
            foreach (var step in steps)
            {
                Take(fixture, stored, new System.Random(step), step);
            }

            Assert.True(fixture.Store.Verify().IsClean);
            Assert.Equal(stored.OrderBy(entry => entry.Value), fixture.Store.ReadAll().ToDictionary(read => read.ExternalId!, read => read.Id).OrderBy(entry => entry.Value));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(40).WithQuietOnSuccess(true));
    }

    private static void Take(StoreFixture fixture, Dictionary<string, long> stored, Random random, int step)
    {
        switch (random.Next(12))
        {
            case 0:
                fixture.Close();
                break;
            case 1:
                fixture.Profile.RotateKey();
                break;
            case 2:
                fixture.Store.Mend();
                break;
            case 3:
                Assert.Throws<ConsentRequiredException>(() => fixture.Store.AppendMany([Sample($"{random.Next(30)}"), Sample($"{random.Next(30)}"), Sample("") with { Source = "unheard of" }]));
                break;
            case 4 or 5:
                var erased = stored.Where(_ => random.Next(3) == 0).ToList();
                Assert.Equal(erased.Count, fixture.Store.EraseMany([.. erased.Select(entry => entry.Value)]));
                erased.ForEach(entry => stored.Remove(entry.Key));
                break;
            default:
                var names = Enumerable.Range(0, random.Next(1, 6)).Select(_ => $"{random.Next(30)}").ToList();
                foreach (var (name, id) in names.Zip(fixture.Store.AppendMany(names.Select(Sample))))
                {
                    Assert.True(id is null == stored.ContainsKey(name), $"step {step}: {name}");
                    stored[name] = id ?? stored[name];
                }

                break;
        }
    }

    private static Interaction Sample(string? id) => StoreFixture.Sample("text", id: id);

    private IReadOnlyList<long?> Append(params string?[] ids) => Store.AppendMany(ids.Select(Sample));

    private long Entered() => (long)Query("SELECT count(*) FROM duplicates")!;

    private object? Query(string sql)
    {
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_fixture.Database};Pooling=False;Mode=ReadOnly");
        connection.Open();
        return StoreDatabase.Scalar(connection, sql);
    }

    private bool IsSomewhere(byte[] key) => Directory.GetFiles(_fixture.Directory).Where(file => !file.EndsWith("profile.lock", StringComparison.Ordinal)).Any(file =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes.AsSpan().IndexOf(key) >= 0;
    });
}

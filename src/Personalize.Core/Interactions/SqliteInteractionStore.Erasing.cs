using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>Erasing, giving up what is damaged, and sealing everything under a new key.</summary>
internal sealed partial class SqliteInteractionStore
{
    private const int RowsAtATime = 500;

    public bool Erase(long id) => EraseMany([id]) == 1;

    public long EraseMany(IReadOnlyCollection<long> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var erased = Commit(head =>
        {
            var (count, rows) = (0L, head.Rows);
            using var select = _connection.CreateCommand();
            select.CommandText = "SELECT sealed FROM interactions WHERE id = $id";
            var selected = select.Parameters.Add("$id", SqliteType.Integer);
            using var delete = _connection.CreateCommand();
            delete.CommandText = "DELETE FROM interactions WHERE id = $id";
            var deleted = delete.Parameters.Add("$id", SqliteType.Integer);
            foreach (var id in ids)
            {
                selected.Value = deleted.Value = id;
                if (select.ExecuteScalar() is { } value)
                {
                    rows.Subtract(_keys.Of(StoreKeys.InteractionTable, id, value as byte[]));
                    _taken.Delete(id);
                    count += delete.ExecuteNonQuery();
                }
            }

            _taken.Forget();
            return (count, count == 0 ? head : head with { Count = head.Count - count, Rows = rows });
        });
        EmptyJournal();
        return erased;
    }

    public long EraseAll()
    {
        // What is damaged can be erased too: its place in the set is made to fit first.
        if (_setup.Writer && !IsWhole)
        {
            Mend();
        }

        var erased = Commit(head =>
        {
            using var delete = _connection.CreateCommand();
            delete.CommandText = "DELETE FROM interactions";
            var count = (long)delete.ExecuteNonQuery();
            StoreDatabase.Execute(_connection, "DELETE FROM duplicates");
            _taken.Forget();

            // What was given up as lost is nowhere any more.
            return (count, head with { Count = 0, Rows = default, Lost = 0 });
        });
        EmptyJournal();
        return erased;
    }

    public long Mend()
    {
        var lost = Locked(() =>
        {
            RequireWriter();
            var known = _setup.Anchor?.Read()?.Sequence ?? 0;
            var unknownBefore = StoreSnapshot.ReadHead(_connection, _box, _schema).Head is null;
            var result = CommitFrom(() => CurrentHead() ?? new StoreHead(), before =>
            {
                if (_schema < StoreDatabase.SchemaVersion)
                {
                    StoreDatabase.ChangeSchema(_connection, _box);
                }

                var dropped = DropDamaged(out var lastId) + DropRepeated();
                StoreDatabase.EnterKeys(_connection);
                _taken.Forget();
                if (_consent.Damage is not null)
                {
                    // Nothing of it can be trusted any more, a withdrawal may be what is missing: consent is to be given anew.
                    StoreDatabase.Execute(_connection, "DELETE FROM consent");
                }

                var after = CountRows(before);
                var gone = unknownBefore ? dropped : Math.Max(before.Count - after.Count, 0);
                return (gone, after with { Sequence = Math.Max(before.Sequence, known), LastId = Math.Max(before.LastId, lastId), Settled = Math.Max(before.LastId, lastId), Lost = before.Lost + gone });
            });
            _schema = StoreDatabase.SchemaVersion;
            _damage = null;
            _consent = InReadTransaction(() => new SqliteConsentLedger(this, _connection, CurrentHead(), hasHead: true));
            return result;
        });
        WriteAnchor();
        if (!_setup.IsAnchored)
        {
            _setup.Anchored();
        }

        EmptyJournal();
        return lost;
    }

    /// <summary>Seals every row anew under the key that seals now, in one transaction, and moves the keyed hashes to it.</summary>
    internal void Rewrap()
    {
        StoreKeys? moved = null;
        try
        {
            Commit(head =>
            {
                // What is not whole is not made to look whole under a new key.
                if (!CountRows(head).Rows.Equals(head.Rows))
                {
                    throw Incomplete(_path, "the rows are not those that were stored").ToException();
                }

                moved = new StoreKeys(_ring, _box.PrimaryId, _path);
                var rows = RewrapInteractions(moved);
                StoreDatabase.EnterKeys(_connection);
                _taken.Forget();
                var consentRows = RewrapConsent(moved);
                StoreDatabase.WriteStoreRow(_connection, 1, _box.Seal([], StoreDatabase.Identity(StoreDatabase.SchemaVersion)));
                return (true, head with { Rows = rows, ConsentRows = consentRows, Settled = head.LastId });
            });
        }
        catch
        {
            moved?.Dispose();
            throw;
        }

        Locked(() =>
        {
            _keys.Dispose();
            _keys = moved!;
            return true;
        });
        EmptyJournal();
    }

    private RowSet RewrapInteractions(StoreKeys moved)
    {
        using var update = _connection.CreateCommand();
        update.CommandText = "UPDATE interactions SET duplicate_key = $duplicate_key, sealed = $sealed WHERE id = $id";
        var id = update.Parameters.Add("$id", SqliteType.Integer);
        var duplicateKey = update.Parameters.Add("$duplicate_key", SqliteType.Blob);
        var sealedBytes = update.Parameters.Add("$sealed", SqliteType.Blob);
        var (set, last) = (default(RowSet), long.MinValue);
        while (true)
        {
            var some = ReadSome(last);
            if (some.Count == 0)
            {
                break;
            }

            foreach (var (rowId, interaction) in some)
            {
                var bytes = InteractionCodec.Encode(interaction ?? throw Tampered(rowId));
                var value = _box.Seal(bytes, StoreDatabase.RowOf(Table, rowId));
                CryptographicOperations.ZeroMemory(bytes);
                (id.Value, sealedBytes.Value) = (rowId, value);
                duplicateKey.Value = (object?)moved.Duplicates.Compute(interaction.Source, interaction.ExternalId) ?? DBNull.Value;
                update.ExecuteNonQuery();
                set.Add(moved.Of(StoreKeys.InteractionTable, rowId, value));
                last = rowId;
            }
        }

        return set;
    }

    private List<(long Id, Interaction? Interaction)> ReadSome(long after)
    {
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, timestamp, duplicate_key, sealed FROM interactions WHERE id > $after ORDER BY id LIMIT $limit";
        select.Parameters.AddWithValue("$after", after);
        select.Parameters.AddWithValue("$limit", RowsAtATime);
        using var reader = select.ExecuteReader();
        var some = new List<(long, Interaction?)>();
        while (reader.Read())
        {
            some.Add((reader.GetValue(0) is long id ? id : -1, InteractionRow.Open(reader, _box, _keys.Duplicates)));
        }

        return some;
    }

    private RowSet RewrapConsent(StoreKeys moved)
    {
        var rows = new List<(long Id, byte[] Sealed)>();
        using (var select = _connection.CreateCommand())
        {
            select.CommandText = "SELECT id, sealed FROM consent ORDER BY id";
            using var reader = select.ExecuteReader();
            while (reader.Read())
            {
                rows.Add((reader.GetInt64(0), (byte[])reader.GetValue(1)));
            }
        }

        using var update = _connection.CreateCommand();
        update.CommandText = "UPDATE consent SET sealed = $sealed WHERE id = $id";
        var id = update.Parameters.Add("$id", SqliteType.Integer);
        var sealedBytes = update.Parameters.Add("$sealed", SqliteType.Blob);
        var set = default(RowSet);
        foreach (var row in rows)
        {
            var place = StoreDatabase.RowOf(SqliteConsentLedger.Table, row.Id);
            var value = _box.Seal(_box.Open(row.Sealed, place), place);
            (id.Value, sealedBytes.Value) = (row.Id, value);
            update.ExecuteNonQuery();
            set.Add(moved.Of(StoreKeys.ConsentTable, row.Id, value));
        }

        return set;
    }

    private long DropDamaged(out long lastId)
    {
        lastId = 0;
        var (after, dropped) = (long.MinValue, 0L);
        for (var some = ReadSome(after); some.Count > 0; some = ReadSome(after))
        {
            foreach (var (id, interaction) in some)
            {
                (after, lastId) = (id, Math.Max(lastId, id));
                if (interaction is null)
                {
                    StoreDatabase.Execute(_connection, $"DELETE FROM interactions WHERE id = {id}");
                    dropped++;
                }
            }
        }

        return dropped;
    }

    /// <summary>Of rows with the same key the last is kept: one before it was erased, or it would not be there, and somebody put it back.</summary>
    private long DropRepeated()
    {
        using var delete = _connection.CreateCommand();
        delete.CommandText = "DELETE FROM interactions WHERE duplicate_key IS NOT NULL AND id NOT IN (SELECT max(id) FROM interactions WHERE duplicate_key IS NOT NULL GROUP BY duplicate_key)";
        return delete.ExecuteNonQuery();
    }

    /// <summary>The journal still holds the pages as they were; a reader can keep them there, then the next checkpoint takes them. The anchor is made durable, so that what was erased cannot be put back unnoticed.</summary>
    private void EmptyJournal()
    {
        Locked(() => StoreDatabase.Scalar(_connection, "PRAGMA wal_checkpoint(TRUNCATE)"));
        WriteAnchor();
    }
}

using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>Every change is one transaction that ends with a new head; after it the anchor moves on.</summary>
internal sealed partial class SqliteInteractionStore
{
    /// <summary>Runs a change in a transaction. It is given the head and returns the next one; where that is the same object, nothing is written.</summary>
    internal T Commit<T>(Func<StoreHead, (T Result, StoreHead Head)> change) => Locked(() =>
    {
        RequireWriter();
        RequireUndamaged();
        return CommitFrom(() => CurrentHead() ?? throw HeadDamaged().ToException(), change);
    });

    /// <summary>Writes the state of the last commit into a new anchor, durably.</summary>
    internal void WriteAnchor() => Locked(() =>
    {
        var (head, hash) = StoreSnapshot.ReadHead(_connection, _box, _schema);
        if (head is not null)
        {
            _setup.Anchor?.Create(new AnchorState(_ring.Generation, head.Sequence, hash!));
        }

        return true;
    });

    private T CommitFrom<T>(Func<StoreHead> start, Func<StoreHead, (T Result, StoreHead Head)> change)
    {
        byte[]? written = null;
        long sequence = 0;
        T result;
        _statements.Begin();
        try
        {
            var before = start();
            (result, var after) = change(before);
            if (!ReferenceEquals(before, after))
            {
                sequence = checked(before.Sequence + 1);
                written = SealHead(after with { Sequence = sequence });
                _statements.WriteHead(written);
            }

            _statements.Commit();
        }
        catch
        {
            _taken.Forget();
            RollBack();
            throw;
        }

        if (written is not null)
        {
            _setup.Anchor?.TryAdvance(new AnchorState(_ring.Generation, sequence, SHA256.HashData(written)));
        }

        return result;
    }

    private byte[] SealHead(StoreHead head) => _box.Seal((head with { Seals = _box.Seals + 1 }).Encode(), StoreDatabase.HeadPlace(StoreDatabase.SchemaVersion));

    private StoreHead? CurrentHead()
        => HasHead && _statements.ReadHead() is { } sealedBytes && _box.TryOpen(sealedBytes, StoreDatabase.HeadPlace(_schema), out var bytes, out _) ? StoreHead.TryDecode(bytes) : null;

    /// <summary>Goes on counting where the last session stopped. A head under an older key tells nothing of the present one, which a rotation that was cut short may have used for each row: so every row counts.</summary>
    private void TakeOverSeals(StoreHead? head)
    {
        if (head is not null && StoreDatabase.Scalar(_connection, "SELECT sealed FROM store WHERE id = 2") is byte[] sealedBytes)
        {
            _box.Seals = sealedBytes.AsSpan(1, ProfileKey.IdSize).SequenceEqual(_box.PrimaryId) ? head.Seals : head.Count;
        }
        else if (!HasHead)
        {
            _box.Seals = checked((ScalarLong("SELECT sum(seq) FROM sqlite_sequence") ?? 0) + 1);
        }
    }

    /// <summary>What is wrong with the store as a whole, if anything is.</summary>
    private StoreDamage? Examine(StoreHead? head, byte[]? hash, AnchorState? anchor)
    {
        if (!HasHead)
        {
            // A reader leaves an old schema as it is; under an anchor it can only be an old copy.
            return _setup.IsAnchored ? RolledBack("the database is of before its schema was changed") : null;
        }

        if (head is null)
        {
            return HeadDamaged();
        }

        if (anchor is null)
        {
            return _setup is { IsAnchored: true, Anchor: { } missing }
                ? new StoreDamage(
                    StoreIntegrityError.AnchorMissing,
                    missing.Path,
                    "the anchor is gone or of another key, so nobody can tell whether the store was put back to an earlier state: restore the file, or look through the store and accept it with store mend")
                : null;
        }

        if (anchor.Generation > _ring.Generation)
        {
            return RolledBack("profile.json holds keys of before they were changed");
        }

        return anchor.Sequence > head.Sequence || (anchor.Sequence == head.Sequence && !hash.AsSpan().SequenceEqual(anchor.Head))
            ? RolledBack($"the database is at change {head.Sequence}, the anchor beside the key at {anchor.Sequence}")
            : null;
    }

    private StoreDamage RolledBack(string how)
        => new(StoreIntegrityError.RolledBack, _path, how + ": the store was put back to an earlier state; put the present files back, or accept what is there with store mend");

    private StoreDamage HeadDamaged()
        => new(StoreIntegrityError.NotAuthentic, _path, "the row that tells which rows there are was changed: export what is whole, then accept that with store mend", "store", "2");

    private void RequireWriter()
    {
        if (!_setup.Writer)
        {
            throw new ProfileAccessException(ProfileAccessError.OpenedForReading, _path);
        }
    }

    internal void RequireUndamaged()
    {
        if (_damage is not null)
        {
            throw _damage.ToException();
        }
    }

    /// <summary>Brings the first schema forward, which had no head.</summary>
    private bool MigrateFirst()
    {
        var head = new StoreHead
        {
            LastId = Math.Max(ScalarLong("SELECT seq FROM sqlite_sequence WHERE name = 'interactions'") ?? 0, ScalarLong("SELECT max(id) FROM interactions") ?? 0),
        };

        // What the old schema could check is checked before it goes: a ledger with a gap is not made whole by counting it anew.
        if (new SqliteConsentLedger(this, _connection, head: null, hasHead: false).Damage is { } damage)
        {
            _damage = damage;
            return false;
        }

        _box.Seals = checked((ScalarLong("SELECT sum(seq) FROM sqlite_sequence") ?? 0) + 1);
        return ChangeSchema(() => head, CountRows);
    }

    /// <summary>One transaction: killed before its end, the database is of the schema of before.</summary>
    private bool ChangeSchema(Func<StoreHead> start, Func<StoreHead, StoreHead> count)
    {
        CommitFrom(start, before =>
        {
            StoreDatabase.ChangeSchema(_connection, _box);
            return (true, count(before) with { Settled = before.LastId });
        });
        _schema = StoreDatabase.SchemaVersion;
        return true;
    }

    /// <summary>The head with the rows that are there now.</summary>
    private StoreHead CountRows(StoreHead head)
    {
        var (count, rows) = SetOf(StoreKeys.InteractionTable, "SELECT id, sealed FROM interactions");
        var (consentCount, consentRows) = SetOf(StoreKeys.ConsentTable, "SELECT id, sealed FROM consent");
        return head with { Count = count, Rows = rows, ConsentCount = consentCount, ConsentRows = consentRows };
    }

    private (long Count, RowSet Set) SetOf(byte table, string sql)
    {
        using var select = _connection.CreateCommand();
        select.CommandText = sql;
        using var reader = select.ExecuteReader();
        var (count, set) = (0L, default(RowSet));
        while (reader.Read())
        {
            set.Add(_keys.Of(table, reader.GetValue(0) is long id ? id : -1, reader.GetValue(1) as byte[]));
            count++;
        }

        return (count, set);
    }

    private T InReadTransaction<T>(Func<T> work)
    {
        StoreDatabase.Execute(_connection, "BEGIN");
        try
        {
            return work();
        }
        finally
        {
            RollBack();
        }
    }

    private void RollBack()
    {
        try
        {
            StoreDatabase.Execute(_connection, "ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself, as it does when the disk is full; the first error is the one to report.
        }
    }
}

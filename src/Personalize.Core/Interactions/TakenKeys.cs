using System.Buffers.Binary;
using Microsoft.Data.Sqlite;

namespace Personalize.Core.Interactions;

/// <summary>
/// Which duplicate keys are taken. Those of most rows stand in a table, in the order of the keys; those of the latest rows stand with their rows alone, and here in memory, until there are enough of them to be entered in one sweep over
/// the table. One by one each would change a page of its own, for the keys look random. The head says up to which row the table reaches, so a kill loses nothing: the rest is read from the rows again. Borrows the connection, writes within
/// the caller's transaction; not thread-safe.
/// </summary>
internal sealed class TakenKeys : IDisposable
{
    /// <summary>How many rows wait at least: a smaller table is in few pages anyway.</summary>
    public const int DefaultFewest = 4_096;

    // What is kept in memory, 32 bytes each, and read again before the first append after opening.
    private const int Most = 32_768;

    // Where the rows that wait are a fixed share of all, so is the part of the table that each of them changes.
    private const int ShareOfAll = 16;

    private readonly int _fewest;
    private readonly SqliteCommand _read;
    private readonly SqliteParameter _after;
    private readonly SqliteCommand _enter;
    private readonly SqliteParameter _entered;
    private readonly SqliteCommand _delete;
    private readonly SqliteParameter _deleted;

    // Null until it is needed, and after a transaction that may not have been committed.
    private HashSet<UInt128>? _latest;

    public TakenKeys(SqliteConnection connection, int fewest)
    {
        _fewest = fewest;
        (_read, _after) = Create(connection, "SELECT duplicate_key FROM interactions WHERE id > $id AND duplicate_key IS NOT NULL", "$id", SqliteType.Integer);
        (_enter, _entered) = Create(connection, "INSERT INTO duplicates (key) VALUES ($key)", "$key", SqliteType.Blob);
        (_delete, _deleted) = Create(connection, "DELETE FROM duplicates WHERE key = (SELECT duplicate_key FROM interactions WHERE id = $id)", "$id", SqliteType.Integer);
    }

    /// <summary>Takes a key, unless it is taken by one of the rows after <paramref name="settled"/>, up to which the table reaches; whether it stands in the table is for the statement that stores the row to find out.</summary>
    public bool TryTake(ReadOnlySpan<byte> key, long settled) => Latest(settled).Add(BinaryPrimitives.ReadUInt128BigEndian(key));

    /// <summary>Gives back a key that was found in the table.</summary>
    public void GiveBack(ReadOnlySpan<byte> key) => _latest?.Remove(BinaryPrimitives.ReadUInt128BigEndian(key));

    /// <summary>Enters the keys of the rows after <paramref name="settled"/> where there are enough of these for a store of so many rows, whether they have keys or not. The table then reaches up to <paramref name="last"/>.</summary>
    public bool TrySettle(long rows, long settled, long last)
    {
        if (last - settled < Math.Clamp(rows / ShareOfAll, _fewest, Math.Max(Most, _fewest)))
        {
            return false;
        }

        var latest = Latest(settled);
        var keys = new UInt128[latest.Count];
        latest.CopyTo(keys);
        Array.Sort(keys);
        var bytes = new byte[DuplicateIndex.Size];
        foreach (var key in keys)
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes, key);
            _entered.Value = bytes;
            _enter.ExecuteNonQuery();
        }

        latest.Clear();
        return true;
    }

    /// <summary>Takes the key of a row that is about to be erased out of the table.</summary>
    public void Delete(long id)
    {
        _deleted.Value = id;
        _delete.ExecuteNonQuery();
    }

    /// <summary>Drops what is in memory: a transaction was rolled back, rows went, or the key of the keys changed.</summary>
    public void Forget() => _latest = null;

    public void Dispose()
    {
        _read.Dispose();
        _enter.Dispose();
        _delete.Dispose();
    }

    private static (SqliteCommand Command, SqliteParameter Parameter) Create(SqliteConnection connection, string sql, string parameter, SqliteType type)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        return (command, command.Parameters.Add(parameter, type));
    }

    private HashSet<UInt128> Latest(long settled)
    {
        if (_latest is null)
        {
            var latest = new HashSet<UInt128>();
            _after.Value = settled;
            using var reader = _read.ExecuteReader();
            while (reader.Read())
            {
                // A key of another length was tampered with, and matches nothing; reading its row names it.
                if (reader.GetValue(0) is byte[] { Length: DuplicateIndex.Size } key)
                {
                    latest.Add(BinaryPrimitives.ReadUInt128BigEndian(key));
                }
            }

            _latest = latest;
        }

        return _latest;
    }
}

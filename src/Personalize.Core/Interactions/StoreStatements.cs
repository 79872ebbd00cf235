using Microsoft.Data.Sqlite;

namespace Personalize.Core.Interactions;

/// <summary>The statements of every commit, compiled once. Borrows the connection; not thread-safe.</summary>
internal sealed class StoreStatements : IDisposable
{
    private readonly SqliteCommand _begin;
    private readonly SqliteCommand _commit;
    private readonly SqliteCommand _insert;
    private readonly SqliteParameter _id;
    private readonly SqliteParameter _timestamp;
    private readonly SqliteParameter _duplicateKey;
    private readonly SqliteParameter _sealed;
    private readonly SqliteCommand _readHead;
    private readonly SqliteCommand _writeHead;
    private readonly SqliteParameter _head;

    public StoreStatements(SqliteConnection connection)
    {
        _begin = Create(connection, "BEGIN IMMEDIATE");
        _commit = Create(connection, "COMMIT");
        _insert = Create(connection, "INSERT INTO interactions (id, timestamp, duplicate_key, sealed) SELECT $id, $timestamp, $duplicate_key, $sealed WHERE NOT EXISTS (SELECT 1 FROM duplicates WHERE key = $duplicate_key)");
        _id = _insert.Parameters.Add("$id", SqliteType.Integer);
        _timestamp = _insert.Parameters.Add("$timestamp", SqliteType.Integer);
        _duplicateKey = _insert.Parameters.Add("$duplicate_key", SqliteType.Blob);
        _sealed = _insert.Parameters.Add("$sealed", SqliteType.Blob);
        _readHead = Create(connection, "SELECT sealed FROM store WHERE id = 2");
        _writeHead = Create(connection, "INSERT INTO store (id, sealed) VALUES (2, $sealed) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed");
        _head = _writeHead.Parameters.Add("$sealed", SqliteType.Blob);
    }

    public void Begin() => _begin.ExecuteNonQuery();

    public void Commit() => _commit.ExecuteNonQuery();

    public byte[]? ReadHead() => _readHead.ExecuteScalar() as byte[];

    public void WriteHead(byte[] sealedHead)
    {
        _head.Value = sealedHead;
        _writeHead.ExecuteNonQuery();
    }

    /// <summary>False where the duplicate key stands in the table of those that are taken.</summary>
    public bool Insert(long id, long timestamp, byte[]? duplicateKey, byte[] sealedBytes)
    {
        _id.Value = id;
        _timestamp.Value = timestamp;
        _duplicateKey.Value = (object?)duplicateKey ?? DBNull.Value;
        _sealed.Value = sealedBytes;
        return _insert.ExecuteNonQuery() == 1;
    }

    public void Dispose()
    {
        _begin.Dispose();
        _commit.Dispose();
        _insert.Dispose();
        _readHead.Dispose();
        _writeHead.Dispose();
    }

    private static SqliteCommand Create(SqliteConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }
}

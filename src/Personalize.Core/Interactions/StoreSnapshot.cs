using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>The store as it was when the snapshot was taken: a connection of its own inside one read transaction. Owns the connection; not thread-safe.</summary>
internal sealed class StoreSnapshot : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly SealedBox _box;
    private readonly StoreKeys _keys;
    private readonly bool _hasKeyTable;

    public StoreSnapshot(string path, SealedBox box, KeyRing ring)
    {
        _connection = StoreDatabase.Open(path, box, writer: false);
        _box = box;
        try
        {
            StoreDatabase.Execute(_connection, "BEGIN");
            var (version, keyId) = StoreDatabase.DescriptionOf(_connection);
            HasHead = version >= StoreDatabase.FirstSchemaWithHead;
            _hasKeyTable = version >= StoreDatabase.FirstSchemaWithKeyTable;
            _keys = new StoreKeys(ring, keyId, path);
            (Head, HeadHash) = HasHead ? ReadHead(_connection, box, version) : default;
        }
        catch
        {
            _keys?.Dispose();
            _connection.Dispose();
            throw;
        }
    }

    /// <summary>Whether the schema has a head at all; the first one had none.</summary>
    public bool HasHead { get; }

    /// <summary>The head; null where there is none or it is not authentic.</summary>
    public StoreHead? Head { get; }

    /// <summary>SHA-256 of the head as it is sealed.</summary>
    public byte[]? HeadHash { get; }

    /// <summary>How many rows were read so far.</summary>
    public long Rows { get; private set; }

    /// <summary>The set of the rows that were read so far.</summary>
    public RowSet Set { get; private set; }

    /// <summary>The head of an open database and its hash; null where it is not authentic.</summary>
    public static (StoreHead? Head, byte[]? Hash) ReadHead(SqliteConnection connection, SealedBox box, long version)
        => StoreDatabase.Scalar(connection, "SELECT sealed FROM store WHERE id = 2") is byte[] sealedBytes
            && box.TryOpen(sealedBytes, StoreDatabase.HeadPlace(version), out var bytes, out _)
            && StoreHead.TryDecode(bytes) is { } head
                ? (head, SHA256.HashData(sealedBytes))
                : default;

    /// <summary>All rows by time, then id; an interaction is null where its row is not as it was sealed. Errors of the database come as they are.</summary>
    public IEnumerable<(long Id, Interaction? Interaction)> Read()
    {
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, timestamp, duplicate_key, sealed FROM interactions ORDER BY timestamp, id";
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            var id = reader.GetValue(0) is long value ? value : -1;
            if (HasHead)
            {
                var set = Set;
                set.Add(_keys.Of(StoreKeys.InteractionTable, id, reader.GetValue(3) as byte[]));
                Set = set;
            }

            Rows++;
            yield return (id, InteractionRow.Open(reader, _box, _keys.Duplicates));
        }
    }

    /// <summary>Whether the table of the keys holds those of the rows that it has to, and no other. The keys with the rows are looked at when these are read.</summary>
    public bool AreKeysEntered()
    {
        if (!_hasKeyTable || Head is not { } head)
        {
            return true;
        }

        using var select = _connection.CreateCommand();
        select.CommandText = """
            SELECT count(*), count(d.key), (SELECT count(*) FROM duplicates)
            FROM interactions AS i LEFT JOIN duplicates AS d ON d.key = i.duplicate_key WHERE i.id <= $settled AND i.duplicate_key IS NOT NULL
            """;
        select.Parameters.AddWithValue("$settled", head.Settled);
        using var reader = select.ExecuteReader();
        return reader.Read() && reader.GetInt64(0) == reader.GetInt64(1) && reader.GetInt64(1) == reader.GetInt64(2);
    }

    /// <summary>The id of the one row without which the rest would be the set of the head; null where it is not one row.</summary>
    public long? FindAdded()
    {
        if (Head is not { } head)
        {
            return null;
        }

        var surplus = Set;
        surplus.Subtract(head.Rows);
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, sealed FROM interactions";
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            if (reader.GetValue(0) is long id && reader.GetValue(1) is byte[] sealedBytes && _keys.Of(StoreKeys.InteractionTable, id, sealedBytes).Equals(surplus))
            {
                return id;
            }
        }

        return null;
    }

    public void Dispose()
    {
        _connection.Dispose();
        _keys.Dispose();
    }
}

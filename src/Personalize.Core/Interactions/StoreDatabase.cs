using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>Creates and opens the database file: its settings, set and read back; its schema, compared with ours; the seal that says whose it is.</summary>
internal static class StoreDatabase
{
    public const int SchemaVersion = 3;

    /// <summary>The first schema with a head that tells which rows there are.</summary>
    public const int FirstSchemaWithHead = 2;

    /// <summary>The first schema with a table of the duplicate keys; before, they were an index of the rows.</summary>
    public const int FirstSchemaWithKeyTable = 3;

    /// <summary>The layout of what is sealed in a row, which has not changed since the first schema.</summary>
    public const int RowLayout = 1;

    private const int FirstSchema = 1;
    private const int SmallestDatabase = 512;
    private const int ApplicationId = 0x50534C31;

    // In the order in which sqlite_schema lists them by name. Compared as text: a trigger or a view that somebody added is not ours.
    // No AUTOINCREMENT: the sealed head keeps the last id, and a page less is written with every commit.
    private static readonly (string Name, string Sql)[] Schema =
    [
        ("consent", ConsentTable),
        ("duplicates", KeyTable),
        ("interactions", InteractionTable),
        ("interactions_by_time", TimeIndex),
        ("store", StoreTable),
    ];

    private static readonly (string Name, string Sql)[] SchemaOfVersion2 =
    [
        ("consent", ConsentTable),
        ("interactions", InteractionTable),
        ("interactions_by_duplicate_key", KeyIndexBeforeVersion3),
        ("interactions_by_time", TimeIndex),
        ("store", StoreTable),
    ];

    private static readonly (string Name, string Sql)[] SchemaOfVersion1 =
    [
        ("consent", "CREATE TABLE consent (id INTEGER PRIMARY KEY AUTOINCREMENT, sealed BLOB NOT NULL) STRICT"),
        ("interactions", "CREATE TABLE interactions (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, duplicate_key BLOB, sealed BLOB NOT NULL) STRICT"),
        ("interactions_by_duplicate_key", KeyIndexBeforeVersion3),
        ("interactions_by_time", TimeIndex),
        ("store", StoreTable),
    ];

    private const string ConsentTable = "CREATE TABLE consent (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT";
    private const string KeyTable = "CREATE TABLE duplicates (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID";
    private const string InteractionTable = "CREATE TABLE interactions (id INTEGER PRIMARY KEY, timestamp INTEGER NOT NULL, duplicate_key BLOB, sealed BLOB NOT NULL) STRICT";
    private const string KeyIndexBeforeVersion3 = "CREATE UNIQUE INDEX interactions_by_duplicate_key ON interactions (duplicate_key) WHERE duplicate_key IS NOT NULL";
    private const string TimeIndex = "CREATE INDEX interactions_by_time ON interactions (timestamp, id)";
    private const string StoreTable = "CREATE TABLE store (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT";

    /// <summary>Where the head of a schema is sealed for.</summary>
    public static SealContext HeadPlace(long version) => new("store", "2", "head", (int)version);

    /// <summary>Whose database it is. The version is authenticated: a database of an earlier schema does not pass for one of a later.</summary>
    public static SealContext Identity(long version) => new("store", "1", "identity", (int)version);

    /// <summary>The schema of an open database and the id of the key that its identity is sealed under.</summary>
    public static (long Version, byte[] KeyId) DescriptionOf(SqliteConnection connection)
        => ((long)Scalar(connection, "PRAGMA user_version")!, ((byte[])Scalar(connection, "SELECT sealed FROM store WHERE id = 1")!)[1..SealedBox.HeaderSize]);

    public static SealContext RowOf(string table, long id) => new(table, id.ToString(CultureInfo.InvariantCulture), "sealed", RowLayout);

    /// <summary>Creates the database; the caller's marker tells a creation that was cut short. Gives the hash of the first head, for the anchor.</summary>
    public static byte[] Create(string path, SealedBox box)
    {
        try
        {
            // SQLite gives its journal the mode of the database: the file is made before it.
            DurableFile.CreateOwnerOnly(path).Dispose();
            using (var connection = Connect(path, SqliteOpenMode.ReadWrite))
            {
                ApplySettings(connection, path, writer: true);
                Execute(connection, "BEGIN IMMEDIATE");
                foreach (var (_, sql) in Schema)
                {
                    Execute(connection, sql);
                }

                WriteStoreRow(connection, 1, box.Seal([], Identity(SchemaVersion)));
                var head = box.Seal(new StoreHead { Sequence = 1, Seals = box.Seals + 1 }.Encode(), HeadPlace(SchemaVersion));
                WriteStoreRow(connection, 2, head);

                Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA application_id={ApplicationId}"));
                Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version={SchemaVersion}"));
                Execute(connection, "COMMIT");
                DurableFile.FlushDirectory(Path.GetDirectoryName(path)!);
                return SHA256.HashData(head);
            }
        }
        catch (SqliteException exception)
        {
            throw SqliteFaults.Translate(path, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw FileSystemFaults.Translate(path, exception, writing: true);
        }
    }

    /// <summary>Opens the database of this profile.</summary>
    /// <exception cref="StoreIntegrityException">It is gone, empty, no database, damaged, or another's.</exception>
    /// <exception cref="ProfileVersionException">It has a newer schema.</exception>
    public static SqliteConnection Open(string path, SealedBox box, bool writer)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length == 0)
        {
            throw new StoreIntegrityException(StoreIntegrityError.FileMissing, path, "the database is gone or empty: restore it from a backup");
        }

        // SQLite takes anything shorter than its smallest page for a new, empty database.
        if (file.Length < SmallestDatabase)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Truncated, path, "the database was cut: restore it from a backup");
        }

        SqliteConnection? connection = null;
        try
        {
            connection = Connect(path, writer ? SqliteOpenMode.ReadWrite : SqliteOpenMode.ReadOnly);
            CheckIdentity(connection, path, box);
            ApplySettings(connection, path, writer);
            return connection;
        }
        catch (SqliteException exception)
        {
            connection?.Dispose();
            throw SqliteFaults.Translate(path, exception);
        }
        catch
        {
            connection?.Dispose();
            throw;
        }
    }

    public static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    /// <summary>Writes the identity (1) or the head (2).</summary>
    public static void WriteStoreRow(SqliteConnection connection, long id, byte[] sealedBytes)
    {
        using var insert = connection.CreateCommand();
        insert.CommandText = "INSERT INTO store (id, sealed) VALUES ($id, $sealed) ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed";
        insert.Parameters.AddWithValue("$id", id);
        insert.Parameters.AddWithValue("$sealed", sealedBytes);
        insert.ExecuteNonQuery();
    }

    /// <summary>Brings a database of an earlier schema to this one, inside the caller's transaction. Rows stay as they are sealed; ids that were given stay given, through the head. The table of the keys reaches up to the last row.</summary>
    public static void ChangeSchema(SqliteConnection connection, SealedBox box)
    {
        var (version, keyId) = DescriptionOf(connection);
        Execute(connection, "DROP INDEX interactions_by_duplicate_key");
        if (version < FirstSchemaWithHead)
        {
            DropCounters(connection);
        }

        Execute(connection, KeyTable);
        EnterKeys(connection);

        // Under the same key as before, which the hashes stay under too: where a change of the key was cut short, it is not the one that seals now.
        WriteStoreRow(connection, 1, box.SealUnder(keyId, [], Identity(SchemaVersion)));
        Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version={SchemaVersion}"));
    }

    /// <summary>Fills the table of the keys anew from all rows, in its order. A key that two rows have stands there once.</summary>
    public static void EnterKeys(SqliteConnection connection)
    {
        Execute(connection, "DELETE FROM duplicates");
        Execute(connection, "INSERT OR IGNORE INTO duplicates (key) SELECT duplicate_key FROM interactions WHERE duplicate_key IS NOT NULL ORDER BY duplicate_key");
    }

    private static void DropCounters(SqliteConnection connection)
    {
        foreach (var table in (ReadOnlySpan<string>)["consent", "interactions"])
        {
            Execute(connection, $"ALTER TABLE {table} RENAME TO {table}_1");
        }

        Execute(connection, "DROP INDEX interactions_by_time");
        foreach (var (name, sql) in Schema)
        {
            if (name is "consent" or "interactions")
            {
                Execute(connection, sql);
                Execute(connection, $"INSERT INTO {name} SELECT * FROM {name}_1 ORDER BY id");
                Execute(connection, $"DROP TABLE {name}_1");
            }
        }

        Execute(connection, TimeIndex);
    }

    private static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        // A pool would keep the file open, and its lock, after the store is closed.
        var settings = new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = 5 };
        var connection = new SqliteConnection(settings.ToString());
        connection.Open();
        return connection;
    }

    private static void CheckIdentity(SqliteConnection connection, string path, SealedBox box)
    {
        if (Scalar(connection, "PRAGMA application_id") is not (long)ApplicationId)
        {
            throw Foreign(path, "is a database of another program");
        }

        var version = (long)Scalar(connection, "PRAGMA user_version")!;
        if (version > SchemaVersion)
        {
            throw new ProfileVersionException(path, version, SchemaVersion);
        }

        var found = new List<(string, string)>();
        using (var command = connection.CreateCommand())
        {
            command.CommandText = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite^_%' ESCAPE '^' ORDER BY name";
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                found.Add((reader.GetValue(0) as string ?? "", reader.GetValue(1) as string ?? ""));
            }
        }

        if (version < FirstSchema || !found.SequenceEqual(version switch { FirstSchema => SchemaOfVersion1, FirstSchemaWithHead => SchemaOfVersion2, _ => Schema }))
        {
            throw Foreign(path, "has tables that are not ours");
        }

        if (Scalar(connection, "SELECT sealed FROM store WHERE id = 1") is not byte[] identity || !box.TryOpen(identity, Identity(version), out _, out _))
        {
            throw Foreign(path, "belongs to another profile");
        }
    }

    private static StoreIntegrityException Foreign(string path, string what)
        => new(StoreIntegrityError.ForeignDatabase, path, what + ": put this profile's own database back");

    // Privacy and durability rest on these; none is SQLite's default in the library that comes along, so each is read back.
    private static void ApplySettings(SqliteConnection connection, string path, bool writer)
    {
        Set(connection, path, "temp_store", "MEMORY", 2L);
        Set(connection, path, "cell_size_check", "ON", 1L);
        Set(connection, path, "trusted_schema", "OFF", 0L);
        Set(connection, path, "mmap_size", "0", 0L);
        if (writer)
        {
            Set(connection, path, "journal_mode", "WAL", "wal");
            Set(connection, path, "synchronous", "FULL", 2L);
            Set(connection, path, "secure_delete", "ON", 1L);
            Set(connection, path, "wal_autocheckpoint", "1000", 1000L);

            // Of a journal that grew with the keys of a large store, as much is cut off as the next commits do not fill.
            Set(connection, path, "journal_size_limit", "8388608", 8_388_608L);
        }
        else
        {
            Set(connection, path, "query_only", "ON", 1L);
        }
    }

    private static void Set(SqliteConnection connection, string path, string name, string value, object expected)
    {
        Execute(connection, $"PRAGMA {name}={value}");
        var actual = Scalar(connection, $"PRAGMA {name}");

        // A build without memory mapping answers mmap_size with nothing, which is what is asked for.
        if (!expected.Equals(actual) && !(actual is null && expected is 0L))
        {
            throw new StoreIntegrityException(StoreIntegrityError.SettingRefused, path, $"the database does not accept {name}={value}, which privacy needs: put the profile on another file system");
        }
    }
}

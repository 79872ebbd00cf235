using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Privacy;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>
/// Interactions as sealed rows of an SQLite database in WAL mode. In clear stand only the row's id, its timestamp (the order) and a keyed hash (duplicates); all three are bound by the seal.
/// One connection writes, under a lock; each enumeration reads a snapshot through a connection of its own.
/// </summary>
internal sealed class SqliteInteractionStore : IInteractionStore
{
    private const string Table = "interactions";

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly bool _writer;
    private readonly string _keyId;
    private readonly SealedBox _box;
    private readonly DuplicateIndex _duplicates;
    private readonly SqliteConnection _connection;
    private readonly SqliteConsentLedger _consent;
    private bool _disposed;

    /// <summary>Opens the database of a profile; the caller holds the profile's lock if it writes.</summary>
    public SqliteInteractionStore(string path, ProfileKey key, Guid storeId, TimeProvider time, bool writer)
    {
        _path = path;
        _writer = writer;
        _keyId = Convert.ToHexStringLower(key.Id);
        using (var box = key.CreateBox(KeyPurpose.Records, storeId, path))
        {
            _connection = StoreDatabase.Open(path, box, writer);
        }

        try
        {
            // Every row ever stored cost one seal, whether it is still there or not.
            _box = key.CreateBox(KeyPurpose.Records, storeId, path, Translate(CountSeals));
            _duplicates = new DuplicateIndex(key);
            _consent = Translate(() => new SqliteConsentLedger(_connection, _gate, _box, time, path, writer));
        }
        catch
        {
            _connection.Dispose();
            _duplicates?.Dispose();
            _box?.Dispose();
            throw;
        }
    }

    public IConsentLedger Consent => _consent;

    public long Count => Locked(() => ScalarLong("SELECT count(*) FROM interactions") ?? 0);

    public long Append(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        return AppendMany([interaction])[0] ?? throw new InvalidInteractionException(InteractionProblem.AlreadyStored);
    }

    public IReadOnlyList<long?> AppendMany(IEnumerable<Interaction> interactions)
    {
        ArgumentNullException.ThrowIfNull(interactions);
        return InTransaction(() =>
        {
            using var insert = _connection.CreateCommand();
            insert.CommandText = "INSERT INTO interactions (id, timestamp, duplicate_key, sealed) VALUES ($id, $timestamp, $duplicate_key, $sealed) ON CONFLICT (duplicate_key) WHERE duplicate_key IS NOT NULL DO NOTHING";
            var id = insert.Parameters.Add("$id", SqliteType.Integer);
            var timestamp = insert.Parameters.Add("$timestamp", SqliteType.Integer);
            var duplicateKey = insert.Parameters.Add("$duplicate_key", SqliteType.Blob);
            var sealedBytes = insert.Parameters.Add("$sealed", SqliteType.Blob);
            var next = checked(Math.Max(ScalarLong("SELECT seq FROM sqlite_sequence WHERE name = 'interactions'") ?? 0, ScalarLong("SELECT max(id) FROM interactions") ?? 0) + 1);
            var ids = new List<long?>();
            foreach (var interaction in interactions)
            {
                if (!_consent.IsGiven(interaction.Source))
                {
                    throw new ConsentRequiredException(interaction.Source);
                }

                var bytes = InteractionCodec.Encode(interaction);
                id.Value = next;
                timestamp.Value = interaction.Timestamp.UtcTicks;
                duplicateKey.Value = (object?)_duplicates.Compute(interaction.Source, interaction.ExternalId) ?? DBNull.Value;
                sealedBytes.Value = _box.Seal(bytes, RowOf(next));
                CryptographicOperations.ZeroMemory(bytes);
                ids.Add(insert.ExecuteNonQuery() == 1 ? next++ : null);
            }

            return ids;
        });
    }

    public IEnumerable<Interaction> ReadAll() => Read(passOver: null, CancellationToken.None);

    public IEnumerable<Interaction> ReadIntact() => Read(passOver: _ => { }, CancellationToken.None);

    public Interaction? Get(long id) => Locked(() =>
    {
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, timestamp, duplicate_key, sealed FROM interactions WHERE id = $id";
        select.Parameters.AddWithValue("$id", id);
        using var reader = select.ExecuteReader();
        return reader.Read() ? OpenRow(reader) ?? throw Tampered(id) : null;
    });

    public bool Erase(long id) => EraseWhere("DELETE FROM interactions WHERE id = $id", id) == 1;

    public long EraseAll() => EraseWhere("DELETE FROM interactions WHERE $id = $id", 0);

    public StoreVerification Verify(CancellationToken cancellationToken = default)
    {
        var corrupt = new List<long>();
        long records = 0;
        bool structureIntact;
        try
        {
            structureIntact = Locked(() => StoreDatabase.Scalar(_connection, "PRAGMA integrity_check(1)")) is "ok";
            foreach (var _ in Read(corrupt.Add, cancellationToken))
            {
                records++;
            }
        }
        catch (StoreIntegrityException exception) when (exception.Error is StoreIntegrityError.DatabaseDamaged or StoreIntegrityError.NotADatabase)
        {
            structureIntact = false;
        }

        return new StoreVerification(records + corrupt.Count, corrupt, _consent.IsIntact, structureIntact);
    }

    public StoreStatus GetStatus() => Locked(() => new StoreStatus(
        ScalarLong("SELECT count(*) FROM interactions") ?? 0,
        LengthOf(_path) + LengthOf(_path + "-wal"),
        _keyId,
        ToTime(ScalarLong("SELECT min(timestamp) FROM interactions")),
        ToTime(ScalarLong("SELECT max(timestamp) FROM interactions"))));

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _connection.Dispose();
            _duplicates.Dispose();
            _box.Dispose();
        }
    }

    private static SealContext RowOf(long id) => new(Table, id.ToString(CultureInfo.InvariantCulture), "sealed", StoreDatabase.SchemaVersion);

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // A timestamp that is out of range was tampered with: reading its row names it.
    private static DateTimeOffset? ToTime(long? ticks)
        => ticks is { } value && value >= DateTime.MinValue.Ticks && value <= DateTime.MaxValue.Ticks ? new DateTimeOffset(value, TimeSpan.Zero) : null;

    private IEnumerable<Interaction> Read(Action<long>? passOver, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var connection = StoreDatabase.Open(_path, _box, writer: false);
        using var select = connection.CreateCommand();
        select.CommandText = "SELECT id, timestamp, duplicate_key, sealed FROM interactions ORDER BY timestamp, id";
        using var reader = Translate(select.ExecuteReader);
        while (Translate(reader.Read))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var interaction = Translate(() => OpenRow(reader));
            if (interaction is not null)
            {
                yield return interaction;
                continue;
            }

            var id = reader.GetValue(0) is long value ? value : -1;
            if (passOver is null)
            {
                throw Tampered(id);
            }

            passOver(id);
        }
    }

    /// <summary>The interaction of a row, or null if anything in the row is not as it was sealed. Types are looked at one by one: a damaged row can hold anything.</summary>
    private Interaction? OpenRow(SqliteDataReader reader)
    {
        if (reader.GetValue(0) is not long id || reader.GetValue(1) is not long timestamp || reader.GetValue(3) is not byte[] sealedBytes
            || !_box.TryOpen(sealedBytes, RowOf(id), out var bytes, out _))
        {
            return null;
        }

        var whole = InteractionCodec.TryDecode(id, bytes, out var interaction)
            && interaction.Timestamp.UtcTicks == timestamp
            && SameKey(_duplicates.Compute(interaction.Source, interaction.ExternalId), reader.GetValue(2) as byte[]);
        CryptographicOperations.ZeroMemory(bytes);
        return whole ? interaction : null;
    }

    private static bool SameKey(byte[]? expected, byte[]? actual)
        => expected is null || actual is null ? expected == actual : CryptographicOperations.FixedTimeEquals(expected, actual);

    private StoreIntegrityException Tampered(long id) => new(
        StoreIntegrityError.NotAuthentic,
        _path,
        "the row was changed: verify the store, export what is whole, then erase the row",
        Table,
        id.ToString(CultureInfo.InvariantCulture));

    private long EraseWhere(string sql, long id)
    {
        var erased = InTransaction(() =>
        {
            using var delete = _connection.CreateCommand();
            delete.CommandText = sql;
            delete.Parameters.AddWithValue("$id", id);
            return (long)delete.ExecuteNonQuery();
        });

        // The journal still holds the pages as they were; a reader can keep them there, then the next checkpoint takes them.
        Locked(() => StoreDatabase.Scalar(_connection, "PRAGMA wal_checkpoint(TRUNCATE)"));
        return erased;
    }

    private long CountSeals()
        => checked((ScalarLong("SELECT sum(seq) FROM sqlite_sequence") ?? 0) + 1);

    private long? ScalarLong(string sql) => StoreDatabase.Scalar(_connection, sql) as long?;

    private T InTransaction<T>(Func<T> work) => Locked(() =>
    {
        if (!_writer)
        {
            throw new ProfileAccessException(ProfileAccessError.OpenedForReading, _path);
        }

        StoreDatabase.Execute(_connection, "BEGIN IMMEDIATE");
        try
        {
            var result = work();
            StoreDatabase.Execute(_connection, "COMMIT");
            return result;
        }
        catch
        {
            RollBack();
            throw;
        }
    });

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

    private T Locked<T>(Func<T> work)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return Translate(work);
        }
    }

    private T Translate<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (SqliteException exception)
        {
            throw SqliteFaults.Translate(_path, exception);
        }
        catch (OverflowException exception)
        {
            throw new StoreIntegrityException(StoreIntegrityError.DatabaseDamaged, _path, "the row counter is out of range: restore the database from a backup", Table, innerException: exception);
        }
    }
}

using System.Globalization;
using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Privacy;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>The ledger as sealed rows of the store's database, read once when the store opens. A damaged ledger consents to nothing and says so, but leaves the records readable.</summary>
internal sealed class SqliteConsentLedger : IConsentLedger
{
    private const string Table = "consent";

    private readonly SqliteConnection _connection;
    private readonly Lock _gate;
    private readonly SealedBox _box;
    private readonly TimeProvider _time;
    private readonly string _path;
    private readonly bool _writer;
    private readonly List<ConsentEntry> _entries = [];
    private readonly Dictionary<string, bool> _given = new(StringComparer.Ordinal);
    private readonly StoreIntegrityException? _damage;

    /// <summary>Shares the store's connection and lock; owns neither.</summary>
    public SqliteConsentLedger(SqliteConnection connection, Lock gate, SealedBox box, TimeProvider time, string path, bool writer)
    {
        (_connection, _gate, _box, _time, _path, _writer) = (connection, gate, box, time, path, writer);
        try
        {
            Load();
        }
        catch (StoreIntegrityException exception)
        {
            _damage = exception;
        }
    }

    public bool IsIntact => _damage is null;

    public IReadOnlyList<ConsentEntry> History
    {
        get
        {
            lock (_gate)
            {
                RequireIntact();
                return [.. _entries];
            }
        }
    }

    public bool IsGiven(string source)
    {
        lock (_gate)
        {
            RequireIntact();
            return _given.GetValueOrDefault(source);
        }
    }

    public void Give(string source) => Decide(source, given: true);

    public void Withdraw(string source) => Decide(source, given: false);

    private static SealContext RowOf(long id) => new(Table, id.ToString(CultureInfo.InvariantCulture), "sealed", StoreDatabase.SchemaVersion);

    private void Decide(string source, bool given)
    {
        ArgumentNullException.ThrowIfNull(source);
        lock (_gate)
        {
            RequireIntact();
            if (!_writer)
            {
                throw new ProfileAccessException(ProfileAccessError.OpenedForReading, _path);
            }

            var entry = new ConsentEntry(source, given, _time.GetUtcNow());
            var bytes = ConsentCodec.Encode(entry);
            if (_given.GetValueOrDefault(source) == given)
            {
                return;
            }

            var id = _entries.Count + 1L;
            try
            {
                using var insert = _connection.CreateCommand();
                insert.CommandText = "INSERT INTO consent (id, sealed) VALUES ($id, $sealed)";
                insert.Parameters.AddWithValue("$id", id);
                insert.Parameters.AddWithValue("$sealed", _box.Seal(bytes, RowOf(id)));
                insert.ExecuteNonQuery();
            }
            catch (SqliteException exception)
            {
                throw SqliteFaults.Translate(_path, exception);
            }

            Add(entry);
        }
    }

    private void Load()
    {
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, sealed FROM consent ORDER BY id";
        using var reader = select.ExecuteReader();
        while (reader.Read())
        {
            // Entries are only ever added, so their ids have no gap: one that is missing was taken away.
            if (reader.GetValue(0) is not long id || id != _entries.Count + 1)
            {
                throw Damaged(StoreIntegrityError.EntriesMissing, _entries.Count + 1, "the entry is missing");
            }

            if (reader.GetValue(1) is not byte[] bytes || !ConsentCodec.TryDecode(_box.Open(bytes, RowOf(id)), out var entry))
            {
                throw Damaged(StoreIntegrityError.Malformed, id, "the entry cannot be read");
            }

            Add(entry);
        }

        var last = StoreDatabase.Scalar(_connection, "SELECT seq FROM sqlite_sequence WHERE name = 'consent'");
        if (last is long sequence ? sequence != _entries.Count : _entries.Count != 0)
        {
            throw Damaged(StoreIntegrityError.EntriesMissing, _entries.Count + 1, "the last entries are missing");
        }
    }

    private StoreIntegrityException Damaged(StoreIntegrityError error, long id, string what)
        => new(error, _path, what + ": restore the database from a backup", Table, id.ToString(CultureInfo.InvariantCulture));

    private void Add(ConsentEntry entry)
    {
        _entries.Add(entry);
        _given[entry.Source] = entry.Given;
    }

    private void RequireIntact()
    {
        if (_damage is not null)
        {
            throw new StoreIntegrityException(_damage.Error, _path, "the consent ledger was tampered with, so nothing is stored: restore the database from a backup", _damage.Table, _damage.Row, _damage);
        }
    }
}

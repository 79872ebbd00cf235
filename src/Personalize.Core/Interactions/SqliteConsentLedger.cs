using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Privacy;

namespace Personalize.Core.Interactions;

/// <summary>The ledger as sealed rows of the store's database, read once when the store opens. A damaged ledger consents to nothing and says so, but leaves the records readable. Borrows the store.</summary>
internal sealed class SqliteConsentLedger : IConsentLedger
{
    public const string Table = "consent";

    private readonly SqliteInteractionStore _store;
    private readonly SqliteConnection _connection;
    private readonly List<ConsentEntry> _entries = [];
    private readonly Dictionary<string, bool> _given = new(StringComparer.Ordinal);

    /// <summary>Reads the entries in the caller's transaction and compares them with the head; in the first schema, which had none, with the counter of ids.</summary>
    public SqliteConsentLedger(SqliteInteractionStore store, SqliteConnection connection, StoreHead? head, bool hasHead)
    {
        (_store, _connection) = (store, connection);
        Damage = Load(head, hasHead);
    }

    /// <summary>What is wrong with the ledger, or null.</summary>
    public StoreDamage? Damage { get; }

    public IReadOnlyList<ConsentEntry> History
    {
        get
        {
            lock (_store.Gate)
            {
                RequireIntact();
                return [.. _entries];
            }
        }
    }

    public bool IsGiven(string source)
    {
        lock (_store.Gate)
        {
            RequireIntact();
            return _given.GetValueOrDefault(source);
        }
    }

    public void Give(string source) => Decide(source, given: true);

    public void Withdraw(string source) => Decide(source, given: false);

    private void Decide(string source, bool given)
    {
        ArgumentNullException.ThrowIfNull(source);
        lock (_store.Gate)
        {
            RequireIntact();
            var entry = new ConsentEntry(source, given, _store.Setup.Time.GetUtcNow());
            var bytes = ConsentCodec.Encode(entry);
            var written = _store.Commit(head =>
            {
                if (_given.GetValueOrDefault(source) == given)
                {
                    return (false, head);
                }

                var id = _entries.Count + 1L;
                var sealedBytes = _store.Box.Seal(bytes, StoreDatabase.RowOf(Table, id));
                using var insert = _connection.CreateCommand();
                insert.CommandText = "INSERT INTO consent (id, sealed) VALUES ($id, $sealed)";
                insert.Parameters.AddWithValue("$id", id);
                insert.Parameters.AddWithValue("$sealed", sealedBytes);
                insert.ExecuteNonQuery();
                var rows = head.ConsentRows;
                rows.Add(_store.Keys.Of(StoreKeys.ConsentTable, id, sealedBytes));
                return (true, head with { ConsentCount = id, ConsentRows = rows });
            });
            if (written)
            {
                Add(entry);
            }
        }
    }

    private StoreDamage? Load(StoreHead? head, bool hasHead)
    {
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, sealed FROM consent ORDER BY id";
        using var reader = select.ExecuteReader();
        var rows = default(RowSet);
        while (reader.Read())
        {
            // Entries are only ever added, so their ids have no gap: one that is missing was taken away.
            if (reader.GetValue(0) is not long id || id != _entries.Count + 1)
            {
                return Damaged(StoreIntegrityError.EntriesMissing, _entries.Count + 1, "the entry is missing");
            }

            if (reader.GetValue(1) is not byte[] sealedBytes || !_store.Box.TryOpen(sealedBytes, StoreDatabase.RowOf(Table, id), out var bytes, out var error))
            {
                return Damaged(StoreIntegrityError.NotAuthentic, id, "the entry was changed");
            }

            if (!ConsentCodec.TryDecode(bytes, out var entry))
            {
                return Damaged(StoreIntegrityError.Malformed, id, "the entry cannot be read");
            }

            rows.Add(_store.Keys.Of(StoreKeys.ConsentTable, id, sealedBytes));
            Add(entry);
        }

        var whole = hasHead
            ? head is null || (head.ConsentCount == _entries.Count && head.ConsentRows.Equals(rows))
            : StoreDatabase.Scalar(_connection, "SELECT seq FROM sqlite_sequence WHERE name = 'consent'") is long sequence ? sequence == _entries.Count : _entries.Count == 0;
        return whole ? null : Damaged(StoreIntegrityError.EntriesMissing, _entries.Count + 1, "the last entries are missing or others than were written");
    }

    private StoreDamage Damaged(StoreIntegrityError error, long id, string what)
        => new(error, _store.Setup.Path, what + ": the consent ledger was tampered with, so nothing is stored; restore the database from a backup, or begin the ledger anew with store mend", Table, $"{id}");

    private void Add(ConsentEntry entry)
    {
        _entries.Add(entry);
        _given[entry.Source] = entry.Given;
    }

    // A ledger of yesterday may lack a withdrawal of today.
    private void RequireIntact()
    {
        if ((Damage ?? _store.Damage) is { } damage)
        {
            throw damage.ToException();
        }
    }
}

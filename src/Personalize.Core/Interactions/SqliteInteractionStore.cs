using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Privacy;
using Personalize.Core.Security;

namespace Personalize.Core.Interactions;

/// <summary>
/// Interactions as sealed rows of an SQLite database in WAL mode. In clear stand only the row's id, its timestamp (the order) and a keyed hash (duplicates); all three are bound by the seal. A sealed head says how many rows there are and which
/// (<see cref="RowSet"/>), and an anchor outside the database how far it has come. One connection writes, under a lock; each enumeration reads a snapshot through a connection of its own.
/// </summary>
internal sealed partial class SqliteInteractionStore : IInteractionStore
{
    private const string Table = InteractionRow.Table;

    private readonly Lock _gate = new();
    private readonly StoreSetup _setup;
    private readonly string _path;
    private readonly KeyRing _ring;
    private readonly SealedBox _box;
    private readonly SqliteConnection _connection;
    private readonly StoreStatements _statements;
    private readonly TakenKeys _taken;
    private StoreKeys _keys;
    private SqliteConsentLedger _consent;
    private StoreDamage? _damage;
    private long _schema;
    private bool _disposed;

    /// <summary>Opens the database of a profile and, where it writes, brings it to the present schema.</summary>
    public SqliteInteractionStore(StoreSetup setup)
    {
        _setup = setup;
        _path = setup.Path;
        _ring = setup.Ring.Share();
        _box = new SealedBox(setup.Ring, KeyPurpose.Records, setup.StoreId, setup.Path, limit: setup.SealLimit);
        try
        {
            // Before the database is looked at: beside a process that writes, the anchor may only be older than what is read.
            var anchor = setup.Anchor?.Read();
            _connection = StoreDatabase.Open(_path, _box, setup.Writer);
            _statements = new StoreStatements(_connection);
            _taken = new TakenKeys(_connection, setup.FewestWaitingRows);
            (_schema, var keyId) = Translate(() => StoreDatabase.DescriptionOf(_connection));
            _keys = new StoreKeys(_ring, keyId, _path);
            if (!HasHead && !setup.IsAnchored && setup.Writer)
            {
                Translate(MigrateFirst);
            }

            _consent = Translate(() => InReadTransaction(() =>
            {
                var (head, hash) = StoreSnapshot.ReadHead(_connection, _box, _schema);
                _damage ??= Examine(head, hash, anchor);
                TakeOverSeals(head);
                return new SqliteConsentLedger(this, _connection, HasHead ? head : null, HasHead);
            }));
            if (HasHead && _schema < StoreDatabase.SchemaVersion && setup.Writer && _damage is null)
            {
                Translate(() => ChangeSchema(() => CurrentHead() ?? throw HeadDamaged().ToException(), head => head));
            }

            if (setup.Writer && !setup.IsAnchored && _damage is null)
            {
                WriteAnchor();
                setup.Anchored();
            }
        }
        catch
        {
            DisposeParts();
            throw;
        }
    }

    public IConsentLedger Consent => _consent;

    internal StoreSetup Setup => _setup;

    internal SealedBox Box => _box;

    internal StoreKeys Keys => _keys;

    internal Lock Gate => _gate;

    /// <summary>What is wrong with the store as a whole, or null.</summary>
    internal StoreDamage? Damage => _damage;

    private bool HasHead => _schema >= StoreDatabase.FirstSchemaWithHead;

    /// <summary>Whether neither the store as a whole nor the consent ledger is damaged.</summary>
    internal bool IsWhole => (_damage ?? _consent.Damage) is null;

    public long Count => Locked(() => CurrentHead()?.Count ?? ScalarLong("SELECT count(*) FROM interactions") ?? 0);

    public long Append(Interaction interaction)
    {
        ArgumentNullException.ThrowIfNull(interaction);
        return AppendMany([interaction])[0] ?? throw new InvalidInteractionException(InteractionProblem.AlreadyStored);
    }

    public IReadOnlyList<long?> AppendMany(IEnumerable<Interaction> interactions)
    {
        ArgumentNullException.ThrowIfNull(interactions);
        return Commit(head =>
        {
            var (next, count, rows, redacted, settled) = (checked(head.LastId + 1), head.Count, head.Rows, head.Redacted, head.Settled);
            var ids = new List<long?>();
            foreach (var given in interactions)
            {
                if (!_consent.IsGiven(given.Source))
                {
                    throw new ConsentRequiredException(given.Source);
                }

                var (interaction, found) = Redact(given);
                var bytes = InteractionCodec.Encode(interaction);
                var duplicateKey = _keys.Duplicates.Compute(interaction.Source, interaction.ExternalId);
                var isNew = duplicateKey is null || _taken.TryTake(duplicateKey, settled);
                var sealedBytes = isNew ? _box.Seal(bytes, StoreDatabase.RowOf(Table, next)) : [];
                CryptographicOperations.ZeroMemory(bytes);
                if (!isNew)
                {
                    ids.Add(null);
                    continue;
                }

                if (!_statements.Insert(next, interaction.Timestamp.UtcTicks, duplicateKey, sealedBytes))
                {
                    _taken.GiveBack(duplicateKey);
                    ids.Add(null);
                    continue;
                }

                rows.Add(_keys.Of(StoreKeys.InteractionTable, next, sealedBytes));
                redacted += found;
                if (_taken.TrySettle(++count, settled, next))
                {
                    settled = next;
                }

                ids.Add(next++);
            }

            return (ids, count == head.Count ? head : head with { Count = count, LastId = next - 1, Rows = rows, Redacted = redacted, Settled = settled });
        });
    }

    public Interaction? Get(long id) => Locked(() =>
    {
        using var select = _connection.CreateCommand();
        select.CommandText = "SELECT id, timestamp, duplicate_key, sealed FROM interactions WHERE id = $id";
        select.Parameters.AddWithValue("$id", id);
        using var reader = select.ExecuteReader();
        return reader.Read() ? InteractionRow.Open(reader, _box, _keys.Duplicates) ?? throw Tampered(id) : null;
    });

    public StoreStatus GetStatus() => Locked(() =>
    {
        var head = CurrentHead();
        return new StoreStatus(
            head?.Count ?? ScalarLong("SELECT count(*) FROM interactions") ?? 0,
            LengthOf(_path) + LengthOf(_path + "-wal"),
            Convert.ToHexStringLower(_box.PrimaryId),
            ToTime(ScalarLong("SELECT min(timestamp) FROM interactions")),
            ToTime(ScalarLong("SELECT max(timestamp) FROM interactions")))
        {
            Redacted = head?.Redacted ?? 0,
            Lost = head?.Lost ?? 0,
            Seals = head?.Seals ?? 0,
            IsKeyChangePending = _ring.Count > 1,
            Damage = _damage?.Error,
        };
    });

    public void Dispose()
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _disposed = true;
                DisposeParts();
            }
        }
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // A timestamp that is out of range was tampered with: reading its row names it.
    private static DateTimeOffset? ToTime(long? ticks)
        => ticks is { } value && value >= DateTime.MinValue.Ticks && value <= DateTime.MaxValue.Ticks ? new DateTimeOffset(value, TimeSpan.Zero) : null;

    private (Interaction Interaction, int Found) Redact(Interaction given)
    {
        var found = 0;
        foreach (var redactor in _setup.Redactors)
        {
            var (context, text) = (redactor.Redact(given.Context), redactor.Redact(given.Text));
            if (context.Count + text.Count > 0)
            {
                found += context.Count + text.Count;
                given = given with { Context = context.Text, Text = text.Text };
            }
        }

        return (given, found);
    }

    private StoreIntegrityException Tampered(long id) => new(
        StoreIntegrityError.NotAuthentic,
        _path,
        "the row was changed: verify the store, export what is whole, then erase the row",
        Table,
        $"{id}");

    private long? ScalarLong(string sql) => StoreDatabase.Scalar(_connection, sql) as long?;

    private void DisposeParts()
    {
        _taken?.Dispose();
        _statements?.Dispose();
        _connection?.Dispose();
        _keys?.Dispose();
        _box.Dispose();
        _ring.Dispose();
        _setup.Anchor?.Dispose();
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

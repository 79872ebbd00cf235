using Microsoft.Data.Sqlite;
using Personalize.Core.Errors;
using Personalize.Core.Privacy;

namespace Personalize.Core.Interactions;

/// <summary>Reading, searching and checking.</summary>
internal sealed partial class SqliteInteractionStore
{
    public IEnumerable<Interaction> ReadAll()
    {
        RequireUndamaged();
        using var snapshot = Snapshot();
        foreach (var (id, interaction) in Rows(snapshot))
        {
            yield return interaction ?? throw Tampered(id);
        }

        if (snapshot.HasHead && (snapshot.Head is not { } head || !snapshot.Set.Equals(head.Rows)))
        {
            throw RowsMissing(snapshot);
        }
    }

    public IEnumerable<Interaction> ReadIntact()
    {
        using var snapshot = Snapshot();
        foreach (var (_, interaction) in Rows(snapshot))
        {
            if (interaction is not null)
            {
                yield return interaction;
            }
        }
    }

    public IReadOnlyList<long> FindSource(string source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return [.. ReadIntact().Where(interaction => string.Equals(interaction.Source, source, StringComparison.Ordinal)).Select(interaction => interaction.Id)];
    }

    public IReadOnlyList<long> FindExpired(RetentionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return Locked(() =>
        {
            var oldest = policy.MaximumAge is { } age ? (_setup.Time.GetUtcNow() - age).UtcTicks : long.MinValue;
            using var select = _connection.CreateCommand();
            select.CommandText = "SELECT id, timestamp, length(sealed) FROM interactions ORDER BY timestamp DESC, id DESC";
            using var reader = select.ExecuteReader();
            var (count, bytes, over, expired) = (0L, 0L, false, new List<long>());
            while (reader.Read())
            {
                bytes += reader.GetInt64(2);
                over = over || ++count > (policy.MaximumCount ?? long.MaxValue) || bytes > (policy.MaximumBytes ?? long.MaxValue) || reader.GetInt64(1) < oldest;
                if (over)
                {
                    expired.Add(reader.GetInt64(0));
                }
            }

            return expired;
        });
    }

    public StoreVerification Verify(CancellationToken cancellationToken = default)
    {
        var corrupt = new List<long>();
        long records = 0;
        long missing = 0;
        long? added = null;
        var (structureIntact, setIntact) = (false, true);
        try
        {
            structureIntact = Locked(() => StoreDatabase.Scalar(_connection, "PRAGMA integrity_check(1)")) is "ok";
            using var snapshot = Snapshot();
            foreach (var (id, interaction) in Rows(snapshot))
            {
                cancellationToken.ThrowIfCancellationRequested();
                records++;
                if (interaction is null)
                {
                    corrupt.Add(id);
                }
            }

            if (snapshot.HasHead)
            {
                missing = snapshot.Head is { } head ? head.Count - records : 0;
                setIntact = snapshot.Head is not null && snapshot.Set.Equals(snapshot.Head.Rows);
                structureIntact &= Translate(snapshot.AreKeysEntered);
                added = setIntact ? null : Translate(snapshot.FindAdded);
            }
        }
        catch (StoreIntegrityException exception) when (exception.Error is StoreIntegrityError.DatabaseDamaged or StoreIntegrityError.NotADatabase)
        {
            structureIntact = false;
        }

        return new StoreVerification(records, corrupt, _consent.Damage is null, structureIntact)
        {
            IsComplete = setIntact,
            Missing = Math.Max(missing, 0),
            Added = added,
            Damage = _damage?.Error,
            DamageDetail = _damage?.ToException().Message,
        };
    }

    private static StoreDamage Incomplete(string path, string what)
        => new(StoreIntegrityError.RowsMissing, path, what + ": restore the database from a backup, or export what is whole and accept it with store mend", Table);

    private StoreSnapshot Snapshot()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return Translate(() => new StoreSnapshot(_path, _box, _ring));
    }

    private StoreIntegrityException RowsMissing(StoreSnapshot snapshot)
    {
        var missing = (snapshot.Head?.Count ?? 0) - snapshot.Rows;
        return Incomplete(_path, missing > 0 ? $"{missing} rows are missing" : "the rows are not those that were stored: some were put back or exchanged").ToException();
    }

    /// <summary>The rows of a snapshot, with the database's errors as the profile's.</summary>
    private IEnumerable<(long Id, Interaction? Interaction)> Rows(StoreSnapshot snapshot)
    {
        using var rows = snapshot.Read().GetEnumerator();
        while (Translate(rows.MoveNext))
        {
            yield return rows.Current;
        }
    }
}

using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>Stores the interactions of a JSONL file.</summary>
public static class InteractionImport
{
    // A transaction this long keeps the journal small and costs one flush to the device.
    private const int BatchSize = 1000;

    /// <summary>
    /// Stores what a stream of JSON lines holds. Normally bad lines are reported and the rest goes in, a batch at a time; strictly, the first bad line stops it and nothing goes in.
    /// What the store has already is reported and passed over either way, so that an import can be repeated.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="stream">UTF-8 JSON lines; read once, not disposed.</param>
    /// <param name="source">The source the interactions are stored under.</param>
    /// <param name="strict">All or nothing.</param>
    /// <param name="cancellationToken">Stops between two lines; whole batches stay, unless strict.</param>
    /// <returns>How many went in, and which lines did not.</returns>
    /// <exception cref="InvalidInteractionException">Strict, and a line is bad; it carries the line's number.</exception>
    /// <exception cref="ConsentRequiredException">There is no consent for the source; nothing was stored.</exception>
    /// <exception cref="ProfileAccessException">The store cannot be written, or the disk is full; whole batches stay, unless strict.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static ImportResult Run(IInteractionStore store, Stream stream, string source, bool strict = false, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        if (!store.Consent.IsGiven(source))
        {
            throw new ConsentRequiredException(source);
        }

        var redacted = store.GetStatus().Redacted;
        var skipped = new List<InteractionLine>();
        var taken = new List<long>();
        long imported = 0;
        using var lines = InteractionJsonLines.Read(stream, source).GetEnumerator();
        var more = true;
        while (more)
        {
            taken.Clear();
            var ids = store.AppendMany(TakeBatch());
            for (var i = 0; i < ids.Count; i++)
            {
                if (ids[i] is not null)
                {
                    imported++;
                }
                else
                {
                    skipped.Add(new InteractionLine(taken[i], null, InteractionProblem.AlreadyStored));
                }
            }
        }

        skipped.Sort((left, right) => left.Number.CompareTo(right.Number));
        return new ImportResult(imported, skipped) { Redacted = store.GetStatus().Redacted - redacted };

        // One line in memory at a time, however long the lines are.
        IEnumerable<Interaction> TakeBatch()
        {
            while (strict || taken.Count < BatchSize)
            {
                cancellationToken.ThrowIfCancellationRequested();
                more = lines.MoveNext();
                if (!more)
                {
                    yield break;
                }

                var line = lines.Current;
                if (line.Interaction is not null)
                {
                    taken.Add(line.Number);
                    yield return line.Interaction;
                }
                else if (strict)
                {
                    throw new InvalidInteractionException(line.Problem!.Value, line.Number);
                }
                else
                {
                    skipped.Add(line);
                }
            }
        }
    }
}

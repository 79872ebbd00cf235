using Personalize.Core.Errors;

namespace Personalize.Core.Adapters;

/// <content>How many adapters stay.</content>
public sealed partial class AdapterRegistry
{
    /// <summary>Removes all adapters but the one in use and so many others: first those that can be rolled back to, the latest first, then the newest.</summary>
    /// <param name="count">How many adapters stay besides the one in use.</param>
    /// <returns>The ids of those that were removed.</returns>
    /// <exception cref="StoreIntegrityException">The state was changed.</exception>
    /// <exception cref="ProfileAccessException">The profile was opened for reading, or cannot be written.</exception>
    public IReadOnlyList<string> KeepLatest(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        lock (_gate)
        {
            RequireWriter();
            var state = ReadState();
            var others = Ids().Where(id => !string.Equals(id, state.Promoted, StringComparison.Ordinal)).ToList();
            var ranks = state.Earlier.Select((id, index) => (id, index)).ToLookup(entry => entry.id, entry => entry.index, StringComparer.Ordinal);
            string[] removed =
            [
                .. others.OrderByDescending(id => ranks[id].DefaultIfEmpty(-1).Max()).ThenByDescending(id => CreatedOf(id, state)).ThenBy(id => id, StringComparer.Ordinal).Skip(count),
            ];
            foreach (var id in removed)
            {
                Remove(id);
            }

            return removed;
        }
    }

    // One whose file is damaged is of no use: it goes first.
    private DateTimeOffset CreatedOf(string id, RegistryState state)
    {
        try
        {
            return ReadRecord(id, state).Created;
        }
        catch (StoreIntegrityException)
        {
            return DateTimeOffset.MinValue;
        }
    }
}

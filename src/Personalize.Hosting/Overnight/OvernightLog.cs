namespace Personalize.Hosting.Overnight;

/// <summary>Where the agent writes down what it did. To be used by who holds the right to train, which is what guards the file.</summary>
/// <param name="profile">The profile.</param>
internal sealed class OvernightLog(IProfileAccess profile)
{
    /// <summary>Writes an entry down.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="change">What changes besides; null for nothing.</param>
    /// <returns>The entry.</returns>
    public OvernightEntry Write(OvernightEntry entry, Func<OvernightHistory, OvernightHistory>? change = null)
    {
        Change(history => (change is null ? history : change(history)).With(entry));
        return entry;
    }

    /// <summary>Changes the history.</summary>
    public void Change(Func<OvernightHistory, OvernightHistory> change) => _ = profile.Read(opened =>
    {
        var changed = change(OvernightHistory.Read(opened));
        changed.Write(opened);
        return changed;
    });
}

using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Profiles;
using Personalize.Core.Security;

namespace Personalize.Hosting.Overnight;

/// <summary>The latest entries of the overnight agent, sealed in <c>checkpoints/agent.history</c>, which is replaced by a rename under the lock of those who train. Immutable.</summary>
/// <param name="Entries">Oldest first, at most <see cref="MaximumEntries"/>.</param>
/// <param name="WatchedUpTo">The newest interaction that the adapter in use was watched with.</param>
/// <param name="PlannedUpTo">The newest interaction there was when the agent last planned a job.</param>
/// <param name="FailedUpTo">The newest interaction there was when a job failed for a reason that waiting does not mend; 0 where none did.</param>
public sealed record OvernightHistory(IReadOnlyList<OvernightEntry> Entries, long WatchedUpTo = 0, long PlannedUpTo = 0, long FailedUpTo = 0)
{
    /// <summary>How many entries are kept.</summary>
    public const int MaximumEntries = 200;

    private const int Version = 1;
    private const string FileName = "agent.history";

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>No entries.</summary>
    public static OvernightHistory Empty { get; } = new([]);

    /// <summary>The last time that work was done, or null.</summary>
    public OvernightEntry? LastRun => Entries.LastOrDefault(entry => entry.IsRun);

    private static SealContext Context { get; } = new("agent", "history", "entries", Version);

    /// <summary>Reads a profile's history.</summary>
    /// <param name="profile">The profile.</param>
    /// <returns>An empty one where there is none.</returns>
    /// <exception cref="StoreIntegrityException">The file was changed.</exception>
    /// <exception cref="ProfileAccessException">The file cannot be read.</exception>
    public static OvernightHistory Read(Profile profile)
    {
        ArgumentNullException.ThrowIfNull(profile);
        var path = Path.Combine(profile.CheckpointDirectory, FileName);
        if (!File.Exists(path))
        {
            return Empty;
        }

        using var box = profile.CreateBox(KeyPurpose.Checkpoints);
        using var stream = SealedFile.OpenRead(path, box, Context);
        try
        {
            using var document = JsonDocument.Parse(stream, Strict);
            var root = document.RootElement;
            return new OvernightHistory(
                [
                    .. root.GetProperty("entries"u8).EnumerateArray().Select(entry => new OvernightEntry(
                        entry[0].GetDateTimeOffset(), entry[1].GetDateTimeOffset(), (OvernightKind)entry[2].GetInt32(), entry[3].GetString() ?? throw new FormatException("a reason is null"), entry[4].GetString())),
                ],
                root.GetProperty("watched"u8).GetInt64(),
                root.GetProperty("planned"u8).GetInt64(),
                root.GetProperty("failed"u8).GetInt64());
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, path, "is not the history of the overnight agent: remove the file to begin a new one", innerException: exception);
        }
    }

    /// <summary>The history with another entry. One that says what the last one said makes that longer instead.</summary>
    /// <param name="entry">The entry.</param>
    public OvernightHistory With(OvernightEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var repeats = Entries.Count > 0 && Entries[^1] is { } last && last.Kind == entry.Kind && entry.Kind == OvernightKind.NotNow && string.Equals(Topic(last.Reason), Topic(entry.Reason), StringComparison.Ordinal);
        IEnumerable<OvernightEntry> entries = repeats ? [.. Entries.SkipLast(1), entry with { At = Entries[^1].At }] : [.. Entries, entry];
        return this with { Entries = [.. entries.TakeLast(MaximumEntries)] };
    }

    /// <summary>Whether two reasons differ in more than their figures.</summary>
    internal static bool SameTopic(string one, string other) => string.Equals(Topic(one), Topic(other), StringComparison.Ordinal);

    /// <summary>Writes the history; a kill leaves the old one or this.</summary>
    /// <param name="profile">The profile; may be open for reading, as the right to train is what guards the file.</param>
    internal void Write(Profile profile)
    {
        using var box = profile.CreateBox(KeyPurpose.Checkpoints);
        SealedFile.Write(Path.Combine(profile.CheckpointDirectory, FileName), box, Context, stream =>
        {
            using var json = new Utf8JsonWriter(stream);
            json.WriteStartObject();
            json.WriteNumber("watched"u8, WatchedUpTo);
            json.WriteNumber("planned"u8, PlannedUpTo);
            json.WriteNumber("failed"u8, FailedUpTo);
            json.WriteStartArray("entries"u8);
            foreach (var entry in Entries)
            {
                json.WriteStartArray();
                json.WriteStringValue(entry.At);
                json.WriteStringValue(entry.Until);
                json.WriteNumberValue((int)entry.Kind);
                json.WriteStringValue(entry.Reason);
                json.WriteStringValue(entry.AdapterId);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });
    }

    private static string Topic(string reason) => string.Concat(reason.Where(c => !char.IsAsciiDigit(c) && c is not ('.' or ',')));
}

using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Core.Adapters;

/// <summary>Which adapter is in use, which ones it can be rolled back to, and how it came to be: one small sealed file, replaced by a rename.</summary>
/// <param name="Promoted">The adapter in use, null for the base.</param>
/// <param name="Earlier">The adapters that were in use before, the latest last: what rolling back goes through.</param>
/// <param name="History">Every change, oldest first.</param>
internal sealed record RegistryState(string? Promoted, IReadOnlyList<string> Earlier, IReadOnlyList<PromotionEvent> History)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    public static RegistryState Empty { get; } = new(null, [], []);

    private static SealContext Context { get; } = new("adapters", "registry", "state", 1);

    /// <summary>The state after an adapter took the place of the one in use.</summary>
    public RegistryState Promote(string id, DateTimeOffset at)
        => string.Equals(id, Promoted, StringComparison.Ordinal)
            ? this
            : new RegistryState(id, Promoted is null ? Earlier : [.. Earlier, Promoted], [.. History, new PromotionEvent(id, at, IsRollback: false)]);

    /// <summary>The state after a step back: to the adapter in use before, or to the base.</summary>
    public RegistryState RollBack(DateTimeOffset at, string? reason = null)
    {
        if (Promoted is null)
        {
            return this;
        }

        var previous = Earlier.Count > 0 ? Earlier[^1] : null;
        return new RegistryState(previous, [.. Earlier.SkipLast(1)], [.. History, new PromotionEvent(previous, at, IsRollback: true, reason)]);
    }

    /// <summary>The state in which nothing rolls back to an adapter any more; what happened stays written down.</summary>
    public RegistryState Forget(string id) => this with { Earlier = [.. Earlier.Where(earlier => !string.Equals(earlier, id, StringComparison.Ordinal))] };

    public bool WasPromoted(string id) => History.Any(change => string.Equals(change.AdapterId, id, StringComparison.Ordinal));

    public static RegistryState Read(string path, SealedBox box)
    {
        if (!File.Exists(path))
        {
            return Empty;
        }

        using var stream = SealedFile.OpenRead(path, box, Context);
        try
        {
            using var document = JsonDocument.Parse(stream, Strict);
            var root = document.RootElement;
            return new RegistryState(
                root.GetProperty("promoted"u8).GetString(),
                [.. root.GetProperty("earlier"u8).EnumerateArray().Select(id => id.GetString() ?? throw new FormatException("an id is null"))],
                [.. root.GetProperty("history"u8).EnumerateArray().Select(change =>
                    new PromotionEvent(change[0].GetString(), change[1].GetDateTimeOffset(), change[2].GetBoolean(), change.GetArrayLength() > 3 ? change[3].GetString() : null))]);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, path, "does not say which adapter is in use: remove it to go back to the base", innerException: exception);
        }
    }

    public void Write(string path, SealedBox box) => SealedFile.Write(path, box, Context, stream =>
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteString("promoted"u8, Promoted);
        json.WriteStartArray("earlier"u8);
        foreach (var id in Earlier)
        {
            json.WriteStringValue(id);
        }

        json.WriteEndArray();
        json.WriteStartArray("history"u8);
        foreach (var change in History)
        {
            json.WriteStartArray();
            json.WriteStringValue(change.AdapterId);
            json.WriteStringValue(change.At);
            json.WriteBooleanValue(change.IsRollback);
            if (change.Reason is not null)
            {
                json.WriteStringValue(change.Reason);
            }

            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });
}

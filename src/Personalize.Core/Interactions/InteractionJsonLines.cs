using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Personalize.Core.Errors;

namespace Personalize.Core.Interactions;

/// <summary>
/// Interactions as JSON lines: <c>{"id": ..., "timestamp": ..., "context": "...", "text": "..."}</c>. The id is a number or a string and may be absent; the timestamp is Unix seconds (a number, fractions allowed)
/// or ISO 8601 (a string, UTC where it names no offset); other properties are passed over. A line that is bad gives its number and a reason, never its text, and the next one is read.
/// </summary>
public static class InteractionJsonLines
{
    /// <summary>A line may have this many bytes.</summary>
    public const int MaximumLineBytes = 4 << 20;

    private const decimal TicksPerSecond = TimeSpan.TicksPerSecond;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    // Readable in any script: the file is for people and for JSON parsers, never for a page.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a stream line by line; blank lines are passed over. Memory is bounded by the longest line and the ids seen.</summary>
    /// <param name="stream">UTF-8; read from where it stands, not disposed.</param>
    /// <param name="source">The source that the interactions are given.</param>
    /// <returns>A lazy sequence over the stream, to be enumerated once.</returns>
    public static IEnumerable<InteractionLine> Read(Stream stream, string source)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentException.ThrowIfNullOrWhiteSpace(source);
        return ReadLines(new JsonLineSplitter(stream, MaximumLineBytes), source);
    }

    /// <summary>Writes interactions so that <see cref="Read"/> gives the same again, with their source beside them. A timestamp of whole seconds in UTC is written as a number.</summary>
    /// <param name="stream">Receives UTF-8; not disposed, not flushed to the device.</param>
    /// <param name="interactions">Read once.</param>
    /// <returns>How many were written.</returns>
    public static long Write(Stream stream, IEnumerable<Interaction> interactions)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(interactions);
        long count = 0;
        using var json = new Utf8JsonWriter(stream, Readable);
        foreach (var interaction in interactions)
        {
            WriteLine(json, interaction);
            json.Flush();
            stream.WriteByte((byte)'\n');
            json.Reset();
            count++;
        }

        return count;
    }

    private static IEnumerable<InteractionLine> ReadLines(JsonLineSplitter splitter, string source)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (long number = 1; splitter.TryRead(out var line, out var tooLong); number++)
        {
            if (tooLong)
            {
                yield return new InteractionLine(number, null, InteractionProblem.TooLong);
                continue;
            }

            if (line.Span.Trim(" \t"u8).IsEmpty)
            {
                continue;
            }

            var problem = TryParse(line, source, out var interaction);
            if (problem is null && interaction?.ExternalId is { } id && !seen.Add(id))
            {
                problem = InteractionProblem.DuplicateId;
            }

            yield return new InteractionLine(number, problem is null ? interaction : null, problem);
        }
    }

    private static InteractionProblem? TryParse(ReadOnlyMemory<byte> line, string source, out Interaction? interaction)
    {
        interaction = null;
        if (!Utf8.IsValid(line.Span))
        {
            return InteractionProblem.InvalidUtf8;
        }

        try
        {
            using var document = JsonDocument.Parse(line, Strict);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return InteractionProblem.NotAnObject;
            }

            if (!root.TryGetProperty("timestamp"u8, out var time) || !root.TryGetProperty("context"u8, out var context) || !root.TryGetProperty("text"u8, out var text))
            {
                return InteractionProblem.MissingField;
            }

            var hasId = root.TryGetProperty("id"u8, out var id);
            if (context.ValueKind != JsonValueKind.String
                || text.ValueKind != JsonValueKind.String
                || time.ValueKind is not (JsonValueKind.Number or JsonValueKind.String)
                || (hasId && id.ValueKind is not (JsonValueKind.Number or JsonValueKind.String or JsonValueKind.Null)))
            {
                return InteractionProblem.WrongType;
            }

            if (!TryParseTime(time, out var timestamp))
            {
                return InteractionProblem.BadTimestamp;
            }

            var externalId = !hasId ? null : id.ValueKind == JsonValueKind.Number ? id.GetRawText() : id.GetString();
            interaction = new Interaction(0, externalId, timestamp, source, context.GetString()!, text.GetString()!);
            return string.IsNullOrWhiteSpace(interaction.Text) ? InteractionProblem.EmptyText : null;
        }
        catch (JsonException)
        {
            return InteractionProblem.BrokenJson;
        }
        catch (InvalidOperationException)
        {
            // What System.Text.Json throws for an escape that is half a surrogate pair, in a name or in a value.
            return InteractionProblem.LoneSurrogate;
        }
    }

    private static bool TryParseTime(JsonElement element, out DateTimeOffset time)
    {
        time = default;
        if (element.ValueKind == JsonValueKind.String)
        {
            return DateTimeOffset.TryParseExact(
                element.GetString(),
                ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd HH:mm:ss.FFFFFFFK", "yyyy-MM-dd"],
                CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal,
                out time);
        }

        if (!element.TryGetDecimal(out var seconds) || Math.Abs(seconds) > 1e12m)
        {
            return false;
        }

        var ticks = DateTime.UnixEpoch.Ticks + decimal.Round(seconds * TicksPerSecond);
        if (ticks < DateTime.MinValue.Ticks || ticks > DateTime.MaxValue.Ticks)
        {
            return false;
        }

        time = new DateTimeOffset((long)ticks, TimeSpan.Zero);
        return true;
    }

    private static void WriteLine(Utf8JsonWriter json, Interaction interaction)
    {
        json.WriteStartObject();
        if (interaction.ExternalId is { } id)
        {
            if (long.TryParse(id, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && string.Equals(number.ToString(CultureInfo.InvariantCulture), id, StringComparison.Ordinal))
            {
                json.WriteNumber("id"u8, number);
            }
            else
            {
                json.WriteString("id"u8, id);
            }
        }

        if (interaction.Timestamp.Offset == TimeSpan.Zero && interaction.Timestamp.Ticks % TimeSpan.TicksPerSecond == 0)
        {
            json.WriteNumber("timestamp"u8, interaction.Timestamp.ToUnixTimeSeconds());
        }
        else
        {
            json.WriteString("timestamp"u8, interaction.Timestamp.ToString("O", CultureInfo.InvariantCulture));
        }

        json.WriteString("source"u8, interaction.Source);
        json.WriteString("context"u8, interaction.Context);
        json.WriteString("text"u8, interaction.Text);
        json.WriteEndObject();
    }
}

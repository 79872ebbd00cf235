using System.Globalization;
using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Jobs;

/// <summary>A job's log as JSON, which is then sealed.</summary>
internal static class JobLogCodec
{
    public const int FormatVersion = 1;

    private const int MaximumBytes = 64 << 20;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    public static void Write(Stream stream, JobLog log)
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        json.WriteNumber("version"u8, FormatVersion);
        json.WriteNumber("sequence"u8, log.Sequence);
        json.WriteString("adapter"u8, log.AdapterId);
        json.WriteBoolean("pending"u8, log.IsPending);
        json.WriteString("base"u8, log.BaseFingerprint);
        json.WriteString("recipe"u8, log.Recipe.ToJson());
        json.WriteString("recipeName"u8, log.RecipeName);
        json.WriteNumber("newest"u8, log.NewestInteractionId);
        json.WriteNumber("gap"u8, log.GapCount);
        WriteSlots(json, "train"u8, log.Train);
        WriteSlots(json, "test"u8, log.Test);
        json.WriteStartArray("finished"u8);
        foreach (var id in log.FinishedAdapterIds)
        {
            json.WriteStringValue(id);
        }

        json.WriteEndArray();
        if (log.Canaries > 0)
        {
            json.WriteNumber("canaries"u8, log.Canaries);
        }

        WriteCounts(json, "flooded", log.Flooded);
        WriteCounts(json, "overShare", log.OverShare);
        if (log.Outcome is { } outcome)
        {
            WriteOutcome(json, outcome);
        }

        json.WriteEndObject();
    }

    /// <exception cref="StoreIntegrityException">It is not a log.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    public static JobLog Read(Stream stream, string path, string runId)
    {
        try
        {
            using var buffer = new MemoryStream();
            stream.CopyTo(buffer);
            if (buffer.Length > MaximumBytes)
            {
                throw new FormatException("far too long");
            }

            using var document = JsonDocument.Parse(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), Strict);
            var root = document.RootElement;
            if (root.GetProperty("version"u8).GetInt64() is var version && version > FormatVersion)
            {
                throw new ProfileVersionException(path, version, FormatVersion);
            }

            return new JobLog
            {
                RunId = runId,
                Sequence = root.GetProperty("sequence"u8).GetInt32(),
                AdapterId = Text(root, "adapter"),
                IsPending = root.GetProperty("pending"u8).GetBoolean(),
                BaseFingerprint = Text(root, "base"),
                Recipe = LoraRecipe.FromJson(System.Text.Encoding.UTF8.GetBytes(Text(root, "recipe"))),
                RecipeName = Text(root, "recipeName"),
                NewestInteractionId = root.GetProperty("newest"u8).GetInt64(),
                GapCount = root.GetProperty("gap"u8).GetInt32(),
                Train = ReadSlots(root, "train"),
                Test = ReadSlots(root, "test"),
                Canaries = root.TryGetProperty("canaries"u8, out var canaries) ? canaries.GetInt32() : 0,
                Flooded = ReadCounts(root, "flooded"),
                OverShare = ReadCounts(root, "overShare"),
                FinishedAdapterIds = [.. root.GetProperty("finished"u8).EnumerateArray().Select(id => id.GetString() ?? throw new FormatException("an id is null"))],
                Outcome = root.TryGetProperty("outcome"u8, out var outcome) ? ReadOutcome(outcome) : null,
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException or RecipeException)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, path, "does not describe a training job: remove the file to go on without it", innerException: exception);
        }
    }

    private static void WriteSlots(Utf8JsonWriter json, ReadOnlySpan<byte> name, IReadOnlyList<JobSlot> slots)
    {
        json.WriteStartArray(name);
        foreach (var slot in slots)
        {
            json.WriteStartArray();
            json.WriteNumberValue(slot.InteractionId);
            json.WriteStringValue(slot.Digest);
            json.WriteNumberValue(slot.ErasedAfter);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    private static List<JobSlot> ReadSlots(JsonElement root, string name) =>
        [.. root.GetProperty(name).EnumerateArray().Select(slot => new JobSlot(slot[0].GetInt64(), slot[1].GetString(), slot[2].GetInt32()))];

    private static void WriteOutcome(Utf8JsonWriter json, JobOutcome outcome)
    {
        json.WriteStartObject("outcome"u8);
        json.WriteNumber("tokens"u8, outcome.TrainTokens);
        json.WriteNumber("elapsedTicks"u8, outcome.Elapsed.Ticks);
        json.WriteNumber("gate"u8, (int)outcome.Gate.Outcome);
        json.WriteNumber("testTokens"u8, outcome.Gate.Tokens);

        // As text: a loss that went to infinity is a figure too, but none that JSON has.
        json.WriteString("baseNll"u8, Number(outcome.Gate.BaseNll));
        json.WriteString("adapterNll"u8, Number(outcome.Gate.AdapterNll));
        json.WriteString("incumbentNll"u8, outcome.Gate.IncumbentNll is { } incumbent ? Number(incumbent) : null);
        GateReportCodec.Write(json, outcome.Gate);
        json.WriteStartArray("losses"u8);
        foreach (var loss in outcome.Losses)
        {
            json.WriteNumberValue(loss);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static JobOutcome ReadOutcome(JsonElement outcome) => new(
        [.. outcome.GetProperty("losses"u8).EnumerateArray().Select(loss => loss.GetDouble())],
        outcome.GetProperty("tokens"u8).GetInt64(),
        TimeSpan.FromTicks(outcome.GetProperty("elapsedTicks"u8).GetInt64()),
        GateReportCodec.Read(outcome, new GateDecision(
            (GateOutcome)outcome.GetProperty("gate"u8).GetInt32(),
            Number(Text(outcome, "baseNll")),
            Number(Text(outcome, "adapterNll")),
            outcome.GetProperty("incumbentNll"u8).GetString() is { } incumbent ? Number(incumbent) : null,
            outcome.GetProperty("testTokens"u8).GetInt32())));

    private static void WriteCounts(Utf8JsonWriter json, string name, IReadOnlyDictionary<string, int> counts)
    {
        if (counts.Count == 0)
        {
            return;
        }

        json.WriteStartObject(name);
        foreach (var (source, count) in counts)
        {
            json.WriteNumber(source, count);
        }

        json.WriteEndObject();
    }

    private static IReadOnlyDictionary<string, int> ReadCounts(JsonElement root, string name) =>
        root.TryGetProperty(name, out var counts) ? counts.EnumerateObject().ToDictionary(count => count.Name, count => count.Value.GetInt32(), StringComparer.Ordinal) : JobLog.None;

    internal static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    internal static double Number(string text) => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? throw new FormatException(name);
}

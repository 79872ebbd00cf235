using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Security;

namespace Personalize.Training.Privacy;

/// <summary>What stands in a ledger's file: one small sealed file, replaced by a rename.</summary>
/// <param name="Budget">The budget that was set, or null.</param>
/// <param name="Entries">The jobs, oldest first.</param>
internal sealed record PrivacyLedgerState(PrivacyBudget? Budget, IReadOnlyList<PrivacyLedgerEntry> Entries)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    private static SealContext Context { get; } = new("privacy", "ledger", "jobs", 1);

    public static PrivacyLedgerState Read(string path, SealedBox box)
    {
        if (!File.Exists(path))
        {
            return new PrivacyLedgerState(null, []);
        }

        using var stream = SealedFile.OpenRead(path, box, Context);
        try
        {
            using var document = JsonDocument.Parse(stream, Strict);
            var budget = document.RootElement.GetProperty("budget"u8);
            return new PrivacyLedgerState(
                budget.ValueKind == JsonValueKind.Null ? null : new PrivacyBudget(budget[0].GetDouble(), budget[1].GetDouble()),
                [.. document.RootElement.GetProperty("jobs"u8).EnumerateArray().Select(Entry)]);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException or PrivacyParameterException)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, path, "does not say what earlier jobs revealed: restore it from a backup, or erase the profile", innerException: exception);
        }
    }

    public void Write(string path, SealedBox box) => SealedFile.Write(path, box, Context, stream =>
    {
        using var json = new Utf8JsonWriter(stream);
        json.WriteStartObject();
        if (Budget is null)
        {
            json.WriteNull("budget"u8);
        }
        else
        {
            json.WriteStartArray("budget"u8);
            json.WriteNumberValue(Budget.Epsilon);
            json.WriteNumberValue(Budget.Delta);
            json.WriteEndArray();
        }

        json.WriteStartArray("jobs"u8);
        foreach (var entry in Entries)
        {
            json.WriteStartArray();
            json.WriteStringValue(entry.JobId);
            json.WriteStringValue(entry.At);
            json.WriteNumberValue(entry.Mechanism.SamplingRate);
            json.WriteNumberValue(entry.Mechanism.NoiseMultiplier);
            json.WriteNumberValue(entry.Mechanism.Steps);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    private static PrivacyLedgerEntry Entry(JsonElement job) => new(
        job[0].GetString() ?? throw new FormatException("a job has no name"),
        job[1].GetDateTimeOffset(),
        new SubsampledGaussian(job[2].GetDouble(), job[3].GetDouble(), job[4].GetInt32()));
}

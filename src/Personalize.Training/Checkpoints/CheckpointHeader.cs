using System.Text;
using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Checkpoints;

/// <summary>What a checkpoint says before its numbers.</summary>
/// <param name="BaseFingerprint">The model it was made on.</param>
/// <param name="Recipe">The recipe as JSON.</param>
/// <param name="SlotCount">How many slots the run has.</param>
/// <param name="Seen">The digest of the slots that were used.</param>
/// <param name="Step">How many steps were taken.</param>
/// <param name="OptimizerStep">How many of them changed the parameters.</param>
/// <param name="Tokens">How many tokens were computed.</param>
/// <param name="Elapsed">How long it took.</param>
/// <param name="ParameterCount">How many parameters follow, and as many first and second moments.</param>
/// <param name="Monitor">What the loss on held-back examples has shown; null where it was not measured yet.</param>
internal sealed record CheckpointHeader(string BaseFingerprint, string Recipe, int SlotCount, string Seen, int Step, int OptimizerStep, long Tokens, TimeSpan Elapsed, long ParameterCount, MonitorState? Monitor)
{
    public const int FormatVersion = 1;

    /// <summary>Counts the changes of the order in which training sums: a run that goes on from another would be neither's, bit for bit.</summary>
    private const int CurrentArithmetic = 4;

    private const int FirstArithmetic = 1;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    private int Arithmetic { get; init; } = CurrentArithmetic;

    public byte[] Encode()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("version"u8, FormatVersion);
            json.WriteString("base"u8, BaseFingerprint);
            json.WriteString("recipe"u8, Recipe);
            json.WriteNumber("slots"u8, SlotCount);
            json.WriteString("seen"u8, Seen);
            json.WriteNumber("step"u8, Step);
            json.WriteNumber("optimizerStep"u8, OptimizerStep);
            json.WriteNumber("tokens"u8, Tokens);
            json.WriteNumber("elapsedTicks"u8, Elapsed.Ticks);
            json.WriteNumber("parameters"u8, ParameterCount);
            json.WriteNumber("arithmetic"u8, Arithmetic);
            if (Monitor is { MeasuredStep: > 0 } monitor)
            {
                WriteMonitor(json, monitor);
            }

            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <exception cref="FormatException">It is not a header.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    public static CheckpointHeader Decode(ReadOnlyMemory<byte> bytes, string location)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, Strict);
            var root = document.RootElement;
            if (root.GetProperty("version"u8).GetInt64() is var version && version > FormatVersion)
            {
                throw new ProfileVersionException(location, version, FormatVersion);
            }

            return new CheckpointHeader(
                Text(root, "base"),
                Text(root, "recipe"),
                root.GetProperty("slots"u8).GetInt32(),
                Text(root, "seen"),
                root.GetProperty("step"u8).GetInt32(),
                root.GetProperty("optimizerStep"u8).GetInt32(),
                root.GetProperty("tokens"u8).GetInt64(),
                TimeSpan.FromTicks(root.GetProperty("elapsedTicks"u8).GetInt64()),
                root.GetProperty("parameters"u8).GetInt64(),
                root.TryGetProperty("monitor"u8, out var monitor) ? ReadMonitor(monitor) : null)
            {
                Arithmetic = root.TryGetProperty("arithmetic"u8, out var arithmetic) ? arithmetic.GetInt32() : FirstArithmetic,
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException("not a header", exception);
        }
    }

    /// <summary>Demands that the checkpoint belongs to a run.</summary>
    /// <exception cref="CheckpointMismatchException">It does not.</exception>
    public void Require(RunIdentity run, string location)
    {
        Require(CheckpointMismatch.OtherBase, run.BaseFingerprint, BaseFingerprint, location);
        Require(CheckpointMismatch.OtherRecipe, run.Recipe, Normalize(Recipe, location), location);
        Require(CheckpointMismatch.OtherArithmetic, $"version {CurrentArithmetic}", $"version {Arithmetic}", location);
        Require(CheckpointMismatch.OtherData, $"{run.Schedule.SlotCount} examples", $"{SlotCount} examples", location);
        if (Step < 0 || Step > run.Schedule.Count || OptimizerStep < 0 || OptimizerStep > Step || Tokens < 0 || Elapsed < TimeSpan.Zero || Monitor is { } monitor && (monitor.MeasuredStep > Step || monitor.BestStep < 0 || monitor.BestStep > monitor.MeasuredStep || monitor.Waited < 0))
        {
            throw new FormatException("a number out of range");
        }

        Require(CheckpointMismatch.OtherData, run.SeenAfter(Step), Seen, location);
    }

    /// <exception cref="CheckpointMismatchException">Another number of parameters is here.</exception>
    public void RequireParameters(long count, string location) => Require(CheckpointMismatch.OtherShape, $"{count} parameters", $"{ParameterCount} parameters", location);

    // Settings that are younger than the checkpoint have their defaults on both sides.
    private static string Normalize(string recipe, string location)
    {
        try
        {
            return Encoding.UTF8.GetString(LoraRecipe.FromJson(Encoding.UTF8.GetBytes(recipe)).ToJson());
        }
        catch (RecipeException exception)
        {
            throw new FormatException($"{location} holds no recipe", exception);
        }
    }

    private static void Require(CheckpointMismatch mismatch, string expected, string actual, string location)
    {
        if (string.Equals(expected, actual, StringComparison.Ordinal))
        {
            return;
        }

        throw mismatch == CheckpointMismatch.OtherRecipe
            ? new CheckpointMismatchException(mismatch, location, Digest(expected), Digest(actual))
            : new CheckpointMismatchException(mismatch, location, expected, actual);
    }

    private static void WriteMonitor(Utf8JsonWriter json, MonitorState monitor)
    {
        json.WriteStartObject("monitor"u8);
        json.WriteNumber("measuredStep"u8, monitor.MeasuredStep);
        json.WriteNumber("bestStep"u8, monitor.BestStep);
        if (monitor.BestStep > 0)
        {
            json.WriteNumber("bestLoss"u8, monitor.BestLoss);
        }

        json.WriteNumber("waited"u8, monitor.Waited);
        json.WriteEndObject();
    }

    private static MonitorState ReadMonitor(JsonElement monitor)
    {
        var best = monitor.GetProperty("bestStep"u8).GetInt32();
        return new MonitorState(
            best > 0 ? monitor.GetProperty("bestLoss"u8).GetDouble() : double.PositiveInfinity, best, monitor.GetProperty("waited"u8).GetInt32(), monitor.GetProperty("measuredStep"u8).GetInt32());
    }

    private static string Digest(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Text(JsonElement root, string name) => root.GetProperty(name).GetString() ?? throw new FormatException(name);
}

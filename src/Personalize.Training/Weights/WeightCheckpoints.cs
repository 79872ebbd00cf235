using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Checkpoints;

namespace Personalize.Training.Weights;

/// <summary>
/// Keeps the latest state of a run over all weights. A checkpoint is the length of a header (u32 little-endian) and the header as JSON; losses and gradient norms, <c>[steps]</c> each, as float64; parameters, first
/// and second moments in the order of <see cref="WeightLayout"/> as float32. All little-endian; nothing follows.
/// </summary>
/// <param name="options">Where and how often.</param>
/// <param name="identity">What decides the run besides examples and rates: a checkpoint of another is refused, and so is one whose steps were taken with other rates.</param>
/// <param name="run">The run.</param>
/// <param name="time">The clock.</param>
internal sealed class WeightCheckpoints(CheckpointOptions options, string identity, WeightRun run, TimeProvider time)
{
    private const int FormatVersion = 1;

    /// <summary>The order of sums that the steps were taken with: going on in another would give weights that no whole run gives. 2: a step in halves, factors laid out before large products.</summary>
    private const int CurrentArithmetic = 2;
    private const int FirstArithmetic = 1;
    private const int MaximumHeaderBytes = 1 << 20;
    private const int MaximumSteps = 1 << 27;

    private readonly string _examples = run.ExampleDigest;
    private long _last = time.GetTimestamp();
    private int _savedStep;

    /// <summary>Puts the run where the latest checkpoint left it; without one it stays at its start.</summary>
    /// <exception cref="CheckpointMismatchException">It belongs to another run.</exception>
    /// <exception cref="StoreIntegrityException">It is damaged.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    public void Restore()
    {
        if (options.Storage.Steps is not [.., var step])
        {
            return;
        }

        var location = options.Storage.Locate(step);
        using var stream = options.Storage.OpenRead(step);
        try
        {
            Read(stream, location);
            _savedStep = run.State.Step;
        }
        catch (EndOfStreamException exception)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Truncated, location, "the checkpoint was cut: delete it and start again", innerException: exception);
        }
        catch (Exception exception) when (exception is FormatException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, location, "does not hold what a checkpoint should: delete it and start again", innerException: exception);
        }
    }

    /// <summary>After a step: writes one if the time is up or the run is over.</summary>
    public void AfterStep(Func<TimeSpan> elapsed)
    {
        if (run.IsOver || time.GetElapsedTime(_last) >= options.Interval)
        {
            Save(elapsed());
        }
    }

    /// <summary>Writes one now, unless the state is safe already; its predecessors go once it is.</summary>
    public void Save(TimeSpan elapsed)
    {
        var now = run.State.Step;
        if (now == _savedStep)
        {
            return;
        }

        options.Storage.Write(now, stream => Write(stream, elapsed));
        foreach (var step in options.Storage.Steps)
        {
            if (step < now)
            {
                options.Storage.Delete(step);
            }
        }

        _savedStep = now;
        _last = time.GetTimestamp();
    }

    private NativeBuffer<float>[] Buffers() => [run.Weights.Parameters, run.Optimizer.FirstMoments, run.Optimizer.SecondMoments];

    private void Write(Stream stream, TimeSpan elapsed)
    {
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteNumber("version"u8, FormatVersion);
            json.WriteNumber("arithmetic"u8, CurrentArithmetic);
            json.WriteString("run"u8, Identify(run.State.Step));
            json.WriteString("examples"u8, _examples);
            json.WriteNumber("step"u8, run.State.Step);
            json.WriteNumber("optimizerStep"u8, run.Optimizer.StepCount);
            json.WriteNumber("tokens"u8, run.State.Tokens);
            json.WriteNumber("elapsedTicks"u8, elapsed.Ticks);
            json.WriteNumber("parameters"u8, run.Weights.Parameters.Length);
            json.WriteEndObject();
        }

        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, (int)header.Length);
        stream.Write(length);
        stream.Write(header.GetBuffer(), 0, (int)header.Length);
        CheckpointFile.WriteDoubles(stream, run.State.Losses);
        CheckpointFile.WriteDoubles(stream, run.State.GradientNorms);
        foreach (var buffer in Buffers())
        {
            CheckpointFile.WriteSingles(stream, buffer.Span);
        }
    }

    private void Read(Stream stream, string location)
    {
        using var document = JsonDocument.Parse(ReadHeader(stream));
        var root = document.RootElement;
        if (root.GetProperty("version"u8).GetInt64() is var version && version > FormatVersion)
        {
            throw new ProfileVersionException(location, version, FormatVersion);
        }

        var arithmetic = root.TryGetProperty("arithmetic"u8, out var noted) ? noted.GetInt32() : FirstArithmetic;
        Require(CheckpointMismatch.OtherArithmetic, $"version {CurrentArithmetic}", $"version {arithmetic}", location);
        Require(CheckpointMismatch.OtherShape, $"{run.Weights.Parameters.Length} parameters", $"{root.GetProperty("parameters"u8).GetInt64()} parameters", location);
        Require(CheckpointMismatch.OtherData, _examples, root.GetProperty("examples"u8).GetString() ?? "", location);
        var step = root.GetProperty("step"u8).GetInt32();
        var optimizerStep = root.GetProperty("optimizerStep"u8).GetInt32();
        if (step < 0 || step > MaximumSteps || optimizerStep != step)
        {
            throw new FormatException("a number out of range");
        }

        Require(CheckpointMismatch.OtherRecipe, step > run.StepCount ? $"{run.StepCount} steps" : Identify(step), root.GetProperty("run"u8).GetString() ?? "", location);
        var state = new RunState
        {
            Losses = CheckpointFile.ReadDoubles(stream, step),
            GradientNorms = CheckpointFile.ReadDoubles(stream, step),
            Tokens = root.GetProperty("tokens"u8).GetInt64(),
            ElapsedBefore = TimeSpan.FromTicks(root.GetProperty("elapsedTicks"u8).GetInt64()),
        };
        foreach (var buffer in Buffers())
        {
            CheckpointFile.ReadSingles(stream, buffer.Span);
        }

        if (stream.ReadByte() >= 0)
        {
            throw new FormatException("something follows");
        }

        run.State = state;
        run.Optimizer.StepCount = optimizerStep;
        run.Restored();
    }

    private static byte[] ReadHeader(Stream stream)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        stream.ReadExactly(length);
        var size = BinaryPrimitives.ReadInt32LittleEndian(length);
        if (size is < 0 or > MaximumHeaderBytes)
        {
            throw new FormatException($"a header of {size} bytes");
        }

        var bytes = new byte[size];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static void Require(CheckpointMismatch mismatch, string expected, string actual, string location)
    {
        if (!string.Equals(expected, actual, StringComparison.Ordinal))
        {
            throw new CheckpointMismatchException(mismatch, location, expected, actual);
        }
    }

    private string Identify(int step) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{identity} rates {run.RatesUntil(step)}")));
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Evaluation;

namespace Personalize.Training.Checkpoints;

/// <summary>
/// The content of a checkpoint: the header's length (u32 little-endian) and the header as JSON; losses and gradient norms, <c>[steps]</c> each, as float64; parameters, first and second moments,
/// <c>[parameters]</c> each in the order of <see cref="TrainableAdapter"/>, as float32; where a best step is known by examples held back, its parameters as float32. All little-endian; nothing follows.
/// </summary>
internal static class CheckpointFile
{
    private const int MaximumHeaderBytes = 1 << 20;
    private const int PieceLength = 1 << 18;

    public static void Write(Stream stream, RunIdentity identity, LoraRun run, TimeSpan elapsed)
    {
        var state = run.State;
        var header = new CheckpointHeader(
            identity.BaseFingerprint, identity.Recipe, run.Schedule.SlotCount, identity.SeenAfter(state.Step), state.Step, run.Optimizer.StepCount, state.Tokens, elapsed, run.Adapter.Parameters.Length, run.Monitor?.State);
        var encoded = header.Encode();
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, encoded.Length);
        stream.Write(length);
        stream.Write(encoded);
        WriteDoubles(stream, state.Losses);
        WriteDoubles(stream, state.GradientNorms);
        foreach (var buffer in Buffers(run, run.Monitor?.State))
        {
            WriteSingles(stream, buffer.Span);
        }
    }

    /// <summary>Puts a run where it stood.</summary>
    /// <exception cref="CheckpointMismatchException">It belongs to another run.</exception>
    /// <exception cref="StoreIntegrityException">It is damaged.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    public static void Read(Stream stream, string location, RunIdentity identity, LoraRun run)
    {
        try
        {
            var header = ReadHeader(stream, location);
            header.Require(identity, location);
            header.RequireParameters(run.Adapter.Parameters.Length, location);
            if (header.Monitor is not null && run.Monitor is null)
            {
                throw new FormatException("examples were held back that are not there");
            }

            run.State = new RunState
            {
                Losses = ReadDoubles(stream, header.Step),
                GradientNorms = ReadDoubles(stream, header.Step),
                Tokens = header.Tokens,
                ElapsedBefore = header.Elapsed,
            };
            foreach (var buffer in Buffers(run, header.Monitor))
            {
                ReadSingles(stream, buffer.Span);
            }

            run.Optimizer.StepCount = header.OptimizerStep;
            if (header.Monitor is { } monitor)
            {
                run.Monitor!.State = monitor;
            }

            // Reading on to the end authenticates that nothing follows.
            if (stream.ReadByte() >= 0)
            {
                throw new FormatException("something follows");
            }
        }
        catch (EndOfStreamException exception)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Truncated, location, "the checkpoint was cut: start a new job", innerException: exception);
        }
        catch (FormatException exception)
        {
            throw new StoreIntegrityException(StoreIntegrityError.Malformed, location, "does not hold what a checkpoint should: start a new job", innerException: exception);
        }
    }

    private static List<NativeBuffer<float>> Buffers(LoraRun run, MonitorState? monitor)
    {
        List<NativeBuffer<float>> buffers = [run.Adapter.Parameters, run.Optimizer.FirstMoments, run.Optimizer.SecondMoments];

        // Before the lowest loss is known the best parameters are those of the start, which the seed gives.
        if (monitor is { BestStep: > 0 })
        {
            buffers.Add(run.Monitor!.Best);
        }

        return buffers;
    }

    private static CheckpointHeader ReadHeader(Stream stream, string location)
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
        return CheckpointHeader.Decode(bytes, location);
    }

    internal static void WriteDoubles(Stream stream, List<double> values)
    {
        var bytes = new byte[values.Count * sizeof(double)];
        for (var i = 0; i < values.Count; i++)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * sizeof(double)), values[i]);
        }

        stream.Write(bytes);
    }

    internal static List<double> ReadDoubles(Stream stream, int count)
    {
        var bytes = new byte[count * sizeof(double)];
        stream.ReadExactly(bytes);
        return [.. Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(i * sizeof(double))))];
    }

    internal static void WriteSingles(Stream stream, ReadOnlySpan<float> values)
    {
        if (BitConverter.IsLittleEndian)
        {
            // In pieces: a span of bytes holds at most 2^31 - 1 of them.
            for (; !values.IsEmpty; values = values[Math.Min(PieceLength, values.Length)..])
            {
                stream.Write(MemoryMarshal.AsBytes(values[..Math.Min(PieceLength, values.Length)]));
            }

            return;
        }

        Span<byte> bytes = stackalloc byte[sizeof(float)];
        foreach (var value in values)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            stream.Write(bytes);
        }
    }

    internal static void ReadSingles(Stream stream, Span<float> values)
    {
        for (; !values.IsEmpty; values = values[Math.Min(PieceLength, values.Length)..])
        {
            var piece = values[..Math.Min(PieceLength, values.Length)];
            stream.ReadExactly(MemoryMarshal.AsBytes(piece));
            if (!BitConverter.IsLittleEndian)
            {
                var bits = MemoryMarshal.Cast<float, int>(piece);
                BinaryPrimitives.ReverseEndianness(bits, bits);
            }
        }
    }
}

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Personalize.Core.Errors;
using Personalize.Core.Kernels;
using Personalize.Training.Adapters;
using Personalize.Training.Optimizers;

namespace Personalize.Training.Checkpoints;

/// <summary>
/// The content of a checkpoint: the header's length (u32 little-endian) and the header as JSON; losses and gradient norms, <c>[steps]</c> each, as float64; parameters, first and second moments,
/// <c>[parameters]</c> each in the order of <see cref="TrainableAdapter"/>, as float32. All little-endian; nothing follows.
/// </summary>
internal static class CheckpointFile
{
    private const int MaximumHeaderBytes = 1 << 20;
    private const int PieceLength = 1 << 18;

    public static void Write(Stream stream, RunIdentity run, RunState state, TimeSpan elapsed, TrainableAdapter adapter, AdamW optimizer)
    {
        var parameters = adapter.Parameters;
        var header = new CheckpointHeader(
            run.BaseFingerprint, run.Recipe, run.Schedule.SlotCount, run.SeenAfter(state.Step), state.Step, optimizer.StepCount, state.Tokens, elapsed, parameters.Length).Encode();
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
        WriteDoubles(stream, state.Losses);
        WriteDoubles(stream, state.GradientNorms);
        foreach (var buffer in (ReadOnlySpan<NativeBuffer<float>>)[parameters, optimizer.FirstMoments, optimizer.SecondMoments])
        {
            WriteSingles(stream, buffer.Span);
        }
    }

    /// <summary>Fills parameters and moments, and returns where the run stood.</summary>
    /// <exception cref="CheckpointMismatchException">It belongs to another run.</exception>
    /// <exception cref="StoreIntegrityException">It is damaged.</exception>
    /// <exception cref="ProfileVersionException">It is of a newer version.</exception>
    public static RunState Read(Stream stream, string location, RunIdentity run, TrainableAdapter adapter, AdamW optimizer)
    {
        try
        {
            var header = ReadHeader(stream, location);
            header.Require(run, location);
            header.RequireParameters(adapter.Parameters.Length, location);
            var state = new RunState
            {
                Losses = ReadDoubles(stream, header.Step),
                GradientNorms = ReadDoubles(stream, header.Step),
                Tokens = header.Tokens,
                ElapsedBefore = header.Elapsed,
            };
            foreach (var buffer in (ReadOnlySpan<NativeBuffer<float>>)[adapter.Parameters, optimizer.FirstMoments, optimizer.SecondMoments])
            {
                ReadSingles(stream, buffer.Span);
            }

            optimizer.StepCount = header.OptimizerStep;

            // Reading on to the end authenticates that nothing follows.
            return stream.ReadByte() < 0 ? state : throw new FormatException("something follows");
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

    private static void WriteDoubles(Stream stream, List<double> values)
    {
        var bytes = new byte[values.Count * sizeof(double)];
        for (var i = 0; i < values.Count; i++)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * sizeof(double)), values[i]);
        }

        stream.Write(bytes);
    }

    private static List<double> ReadDoubles(Stream stream, int count)
    {
        var bytes = new byte[count * sizeof(double)];
        stream.ReadExactly(bytes);
        return [.. Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(i * sizeof(double))))];
    }

    private static void WriteSingles(Stream stream, ReadOnlySpan<float> values)
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

    private static void ReadSingles(Stream stream, Span<float> values)
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
